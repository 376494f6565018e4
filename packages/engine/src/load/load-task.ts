/**
 * What threads that load a model together are told. Everything in it can be sent to a thread: jobs are data, arenas and
 * signals are shared memory, files are descriptors of the process.
 */
import type { PlacedTensor } from '@plimsoll/planner/engine-memory';
import type { SourceTensor, WeightFile } from './weight-source.ts';

/** One matrix or vector: where it lies, and where and how it shall be held. */
export interface LoadJob {
  readonly tensor: PlacedTensor;
  readonly source: SourceTensor;
}

/** A part of an arena's step buffers, which nothing else uses yet. Rows pass through it, 64-byte aligned. */
export interface Passage {
  readonly start: number;
  readonly bytes: number;
  /** A u32 that counts what is not finite. */
  readonly counter: number;
}

export interface LoadTask {
  /** In the order of the files. */
  readonly jobs: readonly LoadJob[];
  readonly files: readonly WeightFile[];
  /** Of this thread, one per arena. All threads' are of the same size, so that all cut the same runs. */
  readonly passages: readonly Passage[];
  readonly signal: LoadSignal;
}

/** Shared by all threads of a load. */
export interface LoadSignal {
  /** One word: the number of the next run that nobody has taken yet. */
  readonly next: Int32Array<SharedArrayBuffer>;
  /** One word: bytes of the files that have been stored. */
  readonly loadedBytes: BigInt64Array<SharedArrayBuffer>;
}

export function createLoadSignal(): LoadSignal {
  return {
    next: new Int32Array(new SharedArrayBuffer(4)),
    loadedBytes: new BigInt64Array(new SharedArrayBuffer(8)),
  };
}

/** More runs than any model has: whoever asks for the next one is told that there is none. */
const noneLeft = 2 ** 30;

/** The number of a run that is the caller's from now on. */
export function takeRun({ next }: LoadSignal): number {
  return Atomics.add(next, 0, 1);
}

/** Nobody starts another run. */
export function stopLoading({ next }: LoadSignal): void {
  Atomics.store(next, 0, noneLeft);
}
