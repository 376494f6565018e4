/** The prefix cache on disk: loaded before the first request, saved on demand and at the end. */
import type { Engine } from '@plimsoll/engine';
import { formatBytes, formatCount, PlimsollError } from '@plimsoll/foundation';

export interface SavedCache {
  readonly path: string;
  readonly blocks: number;
  readonly bytes: number;
}

export class PrefixCacheFile {
  readonly path: string;
  readonly #engine: Engine;
  #saving: Promise<SavedCache> | null = null;

  constructor(engine: Engine, path: string) {
    this.#engine = engine;
    this.path = path;
  }

  /** Loads the file and says in a sentence what came of it. A file that does not match is discarded. */
  async load(): Promise<string> {
    try {
      const loaded = await this.#engine.loadPrefixCache(this.path);
      if (loaded === null) return `no prefix cache in ${this.path} yet: the cache starts empty`;
      const dropped =
        loaded.droppedBlocks === 0 ? '' : `; ${blocksText(loaded.droppedBlocks)} of the file have no room`;
      return `prefix cache: ${blocksText(loaded.blocks)} from ${this.path}${dropped}`;
    } catch (error) {
      if (!isDiscarded(error)) throw error;
      return `${error.message}: the prefix cache starts empty, and the next save replaces ${this.path}`;
    }
  }

  /** Saves the cache. Calls during a save get its result. */
  save(): Promise<SavedCache> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null;
    });
    return this.#saving;
  }

  async #save(): Promise<SavedCache> {
    const { blocks, fileBytes } = await this.#engine.savePrefixCache(this.path);
    return { path: this.path, blocks, bytes: fileBytes };
  }
}

export function savedText({ path, blocks, bytes }: SavedCache): string {
  return `prefix cache: saved ${blocksText(blocks)} (${formatBytes(bytes)}) to ${path}`;
}

function blocksText(count: number): string {
  return count === 1 ? '1 block' : `${formatCount(count)} blocks`;
}

function isDiscarded(error: unknown): error is PlimsollError {
  return (
    error instanceof PlimsollError &&
    (error.code === 'prefix-cache-torn' || error.code === 'prefix-cache-mismatch')
  );
}
