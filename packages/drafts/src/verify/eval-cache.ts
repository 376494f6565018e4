/**
 * Results of evaluations by the content that decides them: hashes of target, draft and prompts, and all settings. A draft is
 * evaluated again as soon as one byte of these changes, whatever the files are called.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Everything that decides a result. The order of keys does not matter. */
export interface EvalSubject {
  readonly targetSha256: string;
  readonly draftSha256: string;
  readonly promptsSha256: string;
  readonly settings: Readonly<Record<string, string | number | boolean | null>>;
}

/** Raised when results change their meaning, so that older ones are computed again. */
const formatVersion = 1;

export class EvalCache<Result> {
  readonly #folder: string;
  readonly #parse: (value: unknown) => Result;

  /** `parse` throws for a value that is no result of this format. */
  constructor(folder: string, parse: (value: unknown) => Result) {
    this.#folder = folder;
    this.#parse = parse;
  }

  /** Null for an evaluation that is not cached. A damaged file counts as absent. */
  async get(subject: EvalSubject): Promise<Result | null> {
    const key = keyOf(subject);
    const text = await readFile(join(this.#folder, `${key}.json`), 'utf8').catch(() => null);
    if (text === null) return null;
    try {
      const entry: unknown = JSON.parse(text);
      const { result, sha256 } = Object(entry) as { readonly result?: unknown; readonly sha256?: unknown };
      return sha256 === hashOf(JSON.stringify(result)) ? this.#parse(result) : null;
    } catch {
      return null;
    }
  }

  async put(subject: EvalSubject, result: Result): Promise<void> {
    const path = join(this.#folder, `${keyOf(subject)}.json`);
    await mkdir(this.#folder, { recursive: true });
    const entry = { formatVersion, subject, sha256: hashOf(JSON.stringify(result)), result };
    const unfinished = `${path}.${process.pid}.unfinished`;
    await writeFile(unfinished, `${JSON.stringify(entry, null, 2)}\n`);
    await rename(unfinished, path);
  }
}

function keyOf({ targetSha256, draftSha256, promptsSha256, settings }: EvalSubject): string {
  const sorted = Object.entries(settings).toSorted(([left], [right]) => (left < right ? -1 : 1));
  return hashOf(JSON.stringify([formatVersion, targetSha256, draftSha256, promptsSha256, sorted]));
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
