/**
 * Reads files of the site as if they were local. The registry and the planner read texts synchronously and cannot wait, so
 * the cache runs a question again after each file that it lacked: first the index, then a record, then a larger device to
 * advise. A question is pure and takes a millisecond, so three runs cost less than asynchronous readers.
 */
import { PlimsollError } from '@plimsoll/foundation';

/** Most files of one question: the model, the device, two indexes, and a few devices that advice compares. */
const filesMax = 24;

class TextMissing extends Error {
  override readonly name = 'TextMissing';
  readonly path: string;

  constructor(path: string) {
    super(`${path} is not loaded`);
    this.path = path;
  }
}

/** Gives the text of a file of the site, or null where there is none. */
export type FetchText = (path: string) => Promise<string | null>;

export class TextCache {
  readonly #texts = new Map<string, string>();
  readonly #fetchText: FetchText;

  constructor(fetchText: FetchText) {
    this.#fetchText = fetchText;
  }

  /** Reads a file for code that runs inside `settle`. */
  readonly read = (path: string): string => {
    const text = this.#texts.get(path);
    if (text === undefined) throw new TextMissing(path);
    return text;
  };

  /** Runs a question again until it misses no file. */
  async settle<Result>(question: () => Result): Promise<Result> {
    for (let fetched = 0; ; fetched++) {
      try {
        return question();
      } catch (error) {
        if (!(error instanceof TextMissing) || fetched >= filesMax) throw error;
        await this.#load(error.path);
      }
    }
  }

  async #load(path: string): Promise<void> {
    const text = await this.#fetchText(path);
    if (text === null) {
      throw new PlimsollError({
        code: 'file-unreachable',
        message: `the file ${path} of this site could not be read`,
        value: path,
        hint: 'look at the connection and load the page again',
      });
    }
    this.#texts.set(path, text);
  }
}
