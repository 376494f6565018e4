/** Compares loading a model with merely reading its file, from the page cache and from disk. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import type { LoadTimes } from './engine-record.ts';
import { type EngineProgram, type EngineSettings, startMeasured } from './measured-process.ts';

/** Bytes per read call: large enough to make the cost of a call negligible. */
const readBytes = 4 * 2 ** 20;

export async function loadTimes(
  program: EngineProgram,
  path: string,
  options: { readonly settings: EngineSettings; readonly rounds: number },
): Promise<LoadTimes> {
  const times = {
    read: [] as number[],
    load: [] as number[],
    readFromDisk: [] as number[],
    loadFromDisk: [] as number[],
  };
  const load = async (): Promise<number> => {
    const process = await startMeasured(program, path, options.settings);
    await process.close();
    return process.ready.loadSeconds;
  };
  for (let round = 0; round < options.rounds; round++) {
    if (dropFromCache(path)) {
      times.readFromDisk.push(readSeconds(path));
      dropFromCache(path);
      times.loadFromDisk.push(await load());
    }
    // This read puts dropped pages back into the cache.
    readSeconds(path);
    times.read.push(readSeconds(path));
    times.load.push(await load());
  }
  return times;
}

/** Times a read of the whole file, in order, into one buffer. */
function readSeconds(path: string): number {
  const buffer = new Uint8Array(readBytes);
  const file = openSync(path, 'r');
  const start = performance.now();
  while (readSync(file, buffer) > 0);
  const elapsed = (performance.now() - start) / 1000;
  closeSync(file);
  return elapsed;
}

/** Drops a file's pages from the cache with GNU dd, which needs no privilege. Returns false without such a dd. */
function dropFromCache(path: string): boolean {
  return spawnSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']).status === 0;
}
