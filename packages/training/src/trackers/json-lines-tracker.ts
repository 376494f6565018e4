/**
 * One JSON object per record in a file, for scripts. A resumed run repeats the steps after its checkpoint, so that opening the file
 * removes their records: a step has one record in the end, as in an unbroken run.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { writeWholeFile } from '@plimsoll/foundation/whole-file';
import type { RunRecord, Tracker } from './tracker.ts';

export class JsonLinesTracker implements Tracker {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** `fromStep` is the step of the loaded checkpoint, 0 for a new run. */
  static async open(path: string, fromStep: number): Promise<JsonLinesTracker> {
    const text = await readFile(path, 'utf8').catch(() => '');
    const kept = text.split('\n').filter((line) => stepOf(line) <= fromStep);
    await writeWholeFile(path, [kept.map((line) => `${line}\n`).join('')]);
    return new JsonLinesTracker(await open(path, 'a'));
  }

  async record({ step, values }: RunRecord): Promise<void> {
    await this.#file.appendFile(`${JSON.stringify({ step, ...values })}\n`);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Infinity for a line that is no record, such as one that a crash cut off. */
function stepOf(line: string): number {
  try {
    const value: unknown = JSON.parse(line);
    const isRecord = typeof value === 'object' && value !== null && 'step' in value;
    return isRecord && typeof value.step === 'number' ? value.step : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
