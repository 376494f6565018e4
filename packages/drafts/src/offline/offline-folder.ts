/**
 * Features of a whole data set in a folder, for training without the target:
 *
 *   run.json       what the features depend on: target, data, seed, limits, layers, type
 *   refs.jsonl     one ref per sample; in the order of the prompt plan when the capture is complete
 *   features/      one safetensors file per sample, with a manifest and hashes
 *
 * A second run with the same settings continues. Other settings are refused, because a folder of two targets or of two lists
 * of layers trains a draft that never accepts.
 */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DirectoryStore, parseSampleRef, type SampleRef } from '@plimsoll/dataflow';
import { PlimsollError } from '@plimsoll/foundation';
import { attempt } from '@plimsoll/foundation/attempt';
import { jsonPreview } from '@plimsoll/foundation/json-preview';
import { writeWholeFile } from '@plimsoll/foundation/whole-file';

/** Plain values, compared field by field. */
export type OfflineSettings = Readonly<Record<string, string | number | boolean | null | readonly number[]>>;

export interface OfflineFolderOptions {
  readonly folder: string;
  readonly settings: OfflineSettings;
  /** Limit of all feature files. */
  readonly bytesMax: number;
  /** 16 hexadecimal digits that no other process on this folder uses. */
  readonly writer: string;
  readonly nowSeconds: () => number;
}

const refsName = 'refs.jsonl';
const settingsName = 'run.json';

export class OfflineFolder {
  readonly store: DirectoryStore;
  /** Equal settings give equal ids, so that features keep their names when a capture continues. */
  readonly runId: string;
  /** Sample id -> its ref, in the order of refs.jsonl. */
  readonly #refs: Map<string, SampleRef>;
  readonly #path: string;
  readonly #lines: FileHandle;

  private constructor(parts: {
    readonly store: DirectoryStore;
    readonly runId: string;
    readonly refs: Map<string, SampleRef>;
    readonly path: string;
    readonly lines: FileHandle;
  }) {
    this.store = parts.store;
    this.runId = parts.runId;
    this.#refs = parts.refs;
    this.#path = parts.path;
    this.#lines = parts.lines;
  }

  /** Throws `features-of-other-settings`. */
  static async open(options: OfflineFolderOptions): Promise<OfflineFolder> {
    const { folder: path, settings, bytesMax, writer, nowSeconds } = options;
    await mkdir(path, { recursive: true });
    await checkSettings(join(path, settingsName), settings);
    const folder = join(path, 'features');
    const store = await DirectoryStore.open({ folder, retention: 'abort', bytesMax, writer, nowSeconds });
    const runId = `f${createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16)}`;
    const refs = await readRefs(join(path, refsName), store);
    await writeRefs(path, refs.values());
    return new OfflineFolder({ store, runId, refs, path, lines: await open(join(path, refsName), 'a') });
  }

  get sampleCount(): number {
    return this.#refs.size;
  }

  get bytes(): number {
    return this.#refs.values().reduce((sum, { file }) => sum + file.bytes, 0);
  }

  has(sampleId: string): boolean {
    return this.#refs.has(sampleId);
  }

  async add(ref: SampleRef): Promise<void> {
    await this.#lines.appendFile(`${JSON.stringify(ref)}\n`);
    this.#refs.set(ref.sampleId, ref);
  }

  /** Sorts the refs in plan order, and frees files of captures that ended before their ref was written. */
  async complete(order: readonly string[]): Promise<void> {
    const sorted = order.map((id) => this.#refs.get(id)).filter((ref) => ref !== undefined);
    await writeRefs(this.#path, sorted);
    await this.store.gc({
      ageSecondsMin: 0,
      isNeeded: (id, generation) => this.#refs.get(id)?.file.generation === generation,
    });
  }

  async close(): Promise<void> {
    await this.#lines.close();
  }
}

/** A crash may have cut the last line off, and a file may be gone: such samples are captured again. */
async function readRefs(path: string, store: DirectoryStore): Promise<Map<string, SampleRef>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const refs = new Map<string, SampleRef>();
  for (const line of text.split('\n')) {
    const ref = attempt(() => parseSampleRef(parsedLine(line)));
    if (ref === null) continue;
    const isPresent = await store.adopt(ref).then(
      () => true,
      () => false,
    );
    if (isPresent) refs.set(ref.sampleId, ref);
  }
  return refs;
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

async function writeRefs(folder: string, refs: Iterable<SampleRef>): Promise<void> {
  const path = join(folder, refsName);
  const lines = Array.from(refs, (ref) => `${JSON.stringify(ref)}\n`);
  await writeWholeFile(path, lines);
}

async function checkSettings(path: string, settings: OfflineSettings): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => null);
  if (text === null) {
    await writeWholeFile(path, [`${JSON.stringify(settings, null, 2)}\n`]);
    return;
  }
  const found = parsedLine(text);
  const earlier = typeof found === 'object' && found !== null ? (found as OfflineSettings) : {};
  for (const name of new Set([...Object.keys(settings), ...Object.keys(earlier)])) {
    if (JSON.stringify(earlier[name]) === JSON.stringify(settings[name])) continue;
    throw otherSettings(path, name, [earlier[name], settings[name]]);
  }
}

function otherSettings(path: string, name: string, [found, asked]: readonly unknown[]): PlimsollError {
  return new PlimsollError({
    code: 'features-of-other-settings',
    message: `${path} describes features with ${name} ${jsonPreview(found)}; this run asks for ${jsonPreview(asked)}`,
    value: jsonPreview(asked),
    limit: jsonPreview(found),
    hint: 'name another folder, or repeat the settings of the earlier run',
  });
}
