/**
 * Checkpoints of a run in one folder. A checkpoint is a folder `step-N`: `state.bin` holds weights and both moments as
 * f32, little-endian; `state.json` says what they are, with a SHA-256. A checkpoint is written to a folder with another
 * name, synced and renamed, so that `step-N` is whole or absent. The best one is named in `best.json`.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assert, PlimsollError } from '@plimsoll/foundation';
import { syncFolder, writeSyncedFile, writeWholeFile } from '@plimsoll/foundation/whole-file';
import type { FlatRange, TrainingArena } from '../tape/training-arena.ts';
import { checkResume, type ResumeContract } from './resume-contract.ts';

const formatVersion = 1;
const ranges: readonly FlatRange[] = ['parameters', 'firstMoments', 'secondMoments'];

interface CheckpointRecord {
  readonly formatVersion: number;
  readonly step: number;
  /** Samples of the data plan that are trained. */
  readonly samples: number;
  readonly elements: number;
  readonly sha256: string;
  readonly contract: ResumeContract;
}

export interface CheckpointSettings {
  readonly folder: string;
  readonly contract: ResumeContract;
  /** Newest checkpoints that are kept, besides the best; 0 keeps all. */
  readonly kept: number;
}

export interface SavedPosition {
  readonly step: number;
  readonly samples: number;
}

export class CheckpointManager {
  readonly #settings: CheckpointSettings;

  constructor(settings: CheckpointSettings) {
    this.#settings = settings;
  }

  /** Saves the state after `step` steps. Removes checkpoints that a rewound run left ahead, and those beyond `kept`. */
  async save(arena: TrainingArena, position: SavedPosition): Promise<void> {
    const { folder, contract } = this.#settings;
    await mkdir(folder, { recursive: true });
    const partial = join(folder, `.step-${position.step}.partial`);
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial);
    const chunks = ranges.map((range) => bytesOf(arena, range));
    const hash = createHash('sha256');
    for (const chunk of chunks) hash.update(chunk);
    const elements = arena.flat('parameters').length;
    const record: CheckpointRecord = {
      formatVersion,
      ...position,
      elements,
      sha256: hash.digest('hex'),
      contract,
    };
    await writeSyncedFile(join(partial, 'state.bin'), chunks);
    await writeSyncedFile(join(partial, 'state.json'), [`${JSON.stringify(record, null, 2)}\n`]);
    for (const step of (await this.steps()).filter((other) => other >= position.step))
      await rm(this.#path(step), { recursive: true });
    await rename(partial, this.#path(position.step));
    await syncFolder(folder);
    await this.#rotate();
  }

  /** Marks the checkpoint of a step as the best so far. */
  async markBest(step: number, metric: { readonly name: string; readonly value: number }): Promise<void> {
    assert((await this.steps()).includes(step), `step ${step} has a checkpoint`);
    const target = join(this.#settings.folder, 'best.json');
    await writeWholeFile(target, [`${JSON.stringify({ step, ...metric })}\n`]);
  }

  /** The step of the best checkpoint; null if none is marked or its folder is gone. */
  async best(): Promise<number | null> {
    return (await this.bestMetric())?.step ?? null;
  }

  /** The best checkpoint with its metric. */
  async bestMetric(): Promise<{ readonly step: number; readonly value: number } | null> {
    const content = await readFile(join(this.#settings.folder, 'best.json'), 'utf8').catch(() => null);
    const best = content === null ? null : parsedBest(content);
    return best !== null && (await this.steps()).includes(best.step) ? best : null;
  }

  /** Steps with a whole checkpoint, ascending. */
  async steps(): Promise<readonly number[]> {
    const names = await readdir(this.#settings.folder).catch(() => []);
    const found = names.flatMap((name) => /^step-(\d+)$/.exec(name)?.[1] ?? []);
    return found.map(Number).toSorted((left, right) => left - right);
  }

  /**
   * Loads the latest checkpoint, or that of `step`, into the arena; null if there is none. Throws
   * `resume-contract-changed`, `checkpoint-damaged` or `checkpoint-mismatch`.
   */
  async load(arena: TrainingArena, step?: number): Promise<SavedPosition | null> {
    const chosen = step ?? (await this.steps()).at(-1);
    if (chosen === undefined) return null;
    const path = this.#path(chosen);
    const record = parseRecord(await readFile(join(path, 'state.json'), 'utf8'), path);
    checkResume(record.contract, this.#settings.contract);
    const elements = arena.flat('parameters').length;
    if (record.elements !== elements) throw mismatch(path, record.elements, elements);
    const bytes = await readFile(join(path, 'state.bin'));
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== record.sha256)
      throw damaged(path, `state.bin has the SHA-256 ${found}, not ${record.sha256}`);
    for (const [index, range] of ranges.entries())
      bytesOf(arena, range).set(bytes.subarray(4 * index * elements, 4 * (index + 1) * elements));
    return { step: record.step, samples: record.samples };
  }

  async #rotate(): Promise<void> {
    const { kept } = this.#settings;
    if (kept === 0) return;
    const best = await this.best();
    for (const step of (await this.steps()).slice(0, -kept))
      if (step !== best) await rm(this.#path(step), { recursive: true });
  }

  #path(step: number): string {
    return join(this.#settings.folder, `step-${step}`);
  }
}

function bytesOf(arena: TrainingArena, range: FlatRange): Uint8Array {
  const values = arena.flat(range);
  assert(values instanceof Float32Array, 'checkpoints hold f32');
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Null for a torn file, which names no best checkpoint. */
function parsedBest(content: string): { readonly step: number; readonly value: number } | null {
  try {
    const best = (JSON.parse(content) ?? {}) as Partial<Record<'step' | 'value', unknown>>;
    const { step, value } = best;
    return typeof step === 'number' && typeof value === 'number' ? { step, value } : null;
  } catch {
    return null;
  }
}

function parseRecord(content: string, path: string): CheckpointRecord {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw damaged(path, 'state.json is no JSON');
  }
  const record = (value ?? {}) as Partial<CheckpointRecord>;
  const isWhole =
    record.formatVersion === formatVersion &&
    [record.step, record.samples, record.elements].every((count) => Number.isSafeInteger(count)) &&
    typeof record.sha256 === 'string' &&
    typeof record.contract === 'object';
  if (!isWhole) throw damaged(path, `state.json is no record of version ${formatVersion}`);
  return value as CheckpointRecord;
}

function damaged(path: string, problem: string): PlimsollError {
  return new PlimsollError({
    code: 'checkpoint-damaged',
    message: `the checkpoint ${path} is damaged: ${problem}`,
    value: path,
    hint: 'remove its folder; the run then resumes from the checkpoint before it',
  });
}

function mismatch(path: string, found: number, expected: number): PlimsollError {
  return new PlimsollError({
    code: 'checkpoint-mismatch',
    message: `the checkpoint ${path} has ${found} elements of weights, the model has ${expected}`,
    value: found,
    limit: expected,
    hint: 'resume with the draft configuration of the checkpoint',
  });
}
