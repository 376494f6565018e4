/**
 * The task of threads that load a model together. Every part can be sent to a thread: jobs are data, arenas and signals
 * are shared memory, files are descriptors of the process.
 */
import type { PlacedTensor } from '@plimsoll/planner/engine-memory';
import type { SourceTensor, WeightFile } from './weight-source.ts';

/** One matrix or vector: its place in the files, and its place and format in memory. */
export interface LoadJob {
  readonly tensor: PlacedTensor;
  readonly source: SourceTensor;
}

/** A part of an arena's step buffers, which are unused while weights load. Rows pass through it, 64-byte aligned. */
export interface Passage {
  readonly start: number;
  readonly bytes: number;
  /** Address of a u32 that counts values that are not finite. */
  readonly counter: number;
}

export interface LoadTask {
  /** In the order of the files. */
  readonly jobs: readonly LoadJob[];
  readonly files: readonly WeightFile[];
  /** Passages of this thread, one per arena. They have the same size in all threads, so that all cut the same runs. */
  readonly passages: readonly Passage[];
  readonly signal: LoadSignal;
}

/** Shared by all threads of a load. */
export interface LoadSignal {
  /** One word: the number of the next free run. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** One word: number of file bytes that have been stored. */
  readonly loadedBytes: BigInt64Array<SharedArrayBuffer>;
}

export function createLoadSignal(): LoadSignal {
  return {
    next: new Int32Array(new SharedArrayBuffer(4)),
    loadedBytes: new BigInt64Array(new SharedArrayBuffer(8)),
  };
}

/** More runs than any model has: a thread that takes this number finds no run. */
const noneLeft = 2 ** 30;

/** Takes the next run, and returns its number. */
export function takeRun({ next }: LoadSignal): number {
  return Atomics.add(next, 0, 1);
}

/** Stops the threads from taking another run. */
export function stopLoading({ next }: LoadSignal): void {
  Atomics.store(next, 0, noneLeft);
}
