/**
 * Executes a storage plan: reads every tensor from its file in runs of rows, repacks it with the kernels into its final
 * place, and checks it for values that are not finite. All threads take runs from one list (load-share.ts). The calling
 * thread joins when `finish` is called; until then it may make a tokenizer while the others read.
 *
 *   step buffers of an arena   [ passage of thread 0 | passage of thread 1 | ... ]
 *   kernel control             [ commands of thread 0 and its counter | ... ], before the kernels that own it start
 */
import { assert, defined } from '@plimsoll/foundation';
import type { WasmArena } from '@plimsoll/kernels';
import { soloControlBytes } from '@plimsoll/kernels/solo';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { ArenaLayout } from '../forward/arena-layout.ts';
import { LoadShare, type ShareArena } from './load-share.ts';
import { createLoadSignal, type LoadJob, type LoadTask, type Passage, stopLoading } from './load-task.ts';
import { passageBytes } from './store-rows.ts';
import type { WeightSource } from './weight-source.ts';

/** Bytes after which the calling thread serves its events: about 10 ms, or 100 ms from a slow disk. */
const turnBytes = 8 * 1024 ** 2;
const progressPauseMs = 50;
const lineBytes = 64;
/** Commands of one thread, and a cache line for its counter. */
const controlStrideBytes = soloControlBytes + lineBytes;

export interface LoadTarget {
  readonly plan: EngineMemoryPlan;
  readonly arenas: readonly WasmArena[];
  readonly layouts: readonly ArenaLayout[];
  /** Threads that load together with the calling thread. */
  readonly helpers: readonly LoadHelper[];
  /** Opens the arenas for the calling thread, whose commands are stored at `places`. */
  openArenas(places: readonly WasmArena[]): readonly ShareArena[];
}

export interface LoadHelper {
  /** Loads a share; the thread's commands are stored at `places`. Rejects with the error of the thread. */
  load(task: LoadTask, places: readonly WasmArena[]): Promise<void>;
}

/** Progress of a load, in bytes of the model's files. */
export interface LoadProgress {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface Loading {
  /** Loads until everything is loaded. Only `finish` reports the helpers' errors, so every load must call it. */
  finish(onProgress?: (progress: LoadProgress) => void): Promise<void>;
  /** Stops the load. Resolves when no thread writes any more. */
  abandon(): Promise<void>;
}

/** Starts the helpers. */
export function startLoading(target: LoadTarget, weights: WeightSource): Loading {
  const jobs = jobsOf(target, weights);
  const signal = createLoadSignal();
  const shareCount = shareCountOf(target, jobs);
  const taskOf = (share: number): LoadTask => ({
    jobs,
    files: weights.files,
    signal,
    passages: target.arenas.map((arena, index) =>
      passageOf(arena, layoutOf(target, index), { share, shareCount }),
    ),
  });
  const placesOf = (share: number): readonly WasmArena[] =>
    target.arenas.map(({ memory, controlPointer }) => ({
      memory,
      controlPointer: controlPointer + share * controlStrideBytes,
    }));
  const helping = target.helpers
    .slice(0, shareCount - 1)
    .map((helper, index) => helper.load(taskOf(index + 1), placesOf(index + 1)));
  const failure = Promise.all(helping);
  // `finish` awaits the failure; this handler prevents an unhandled rejection before that.
  failure.catch(() => stopLoading(signal));
  const abandon = async (): Promise<void> => {
    stopLoading(signal);
    await Promise.allSettled(helping);
  };
  const totalBytes = jobs.reduce((sum, { source }) => sum + source.bytes, 0);
  return {
    abandon,
    async finish(onProgress = () => undefined) {
      const tell = (): void =>
        onProgress({ loadedBytes: Number(Atomics.load(signal.loadedBytes, 0)), totalBytes });
      // The timer also keeps the process alive while only the helpers work.
      const telling = setInterval(tell, progressPauseMs);
      try {
        const share = new LoadShare(taskOf(0), target.openArenas(placesOf(0)));
        while (takeTurn(share)) {
          tell();
          await new Promise((resolve) => setImmediate(resolve));
        }
        await failure;
        tell();
      } catch (error) {
        await abandon();
        throw error;
      } finally {
        clearInterval(telling);
      }
    },
  };
}

/** Loads `turnBytes` bytes; false if no run is left. */
function takeTurn(share: LoadShare): boolean {
  for (let bytes = 0; bytes < turnBytes; ) {
    const taken = share.loadNext();
    if (taken === null) return false;
    bytes += taken;
  }
  return true;
}

/** Sorts the jobs by file and offset, so that a disk is read from beginning to end. */
function jobsOf({ plan }: LoadTarget, weights: WeightSource): readonly LoadJob[] {
  return plan.storage.tensors
    .filter(({ model }) => model === 'model')
    .map((tensor): LoadJob => ({ tensor, source: weights.tensor(tensor) }))
    .sort((left, right) => left.source.file - right.source.file || left.source.offset - right.source.offset);
}

/** Number of threads whose parts of the step buffers have room for eight rows of every matrix. */
function shareCountOf(target: LoadTarget, jobs: readonly LoadJob[]): number {
  const rooms = target.layouts.map(({ stepBuffersBytes }, arena) => {
    const needs = jobs.map((job) => (job.tensor.arena === arena ? bytesNeeded(job) : 0));
    return Math.floor(
      stepBuffersBytes / aligned(needs.reduce((most, need) => Math.max(most, need), lineBytes)),
    );
  });
  return Math.max(1, Math.min(1 + target.helpers.length, ...rooms));
}

function bytesNeeded({ tensor, source }: LoadJob): number {
  return tensor.layout === 'panels' ? passageBytes(tensor, source.bytes / tensor.rows) : 0;
}

function passageOf(
  { controlPointer }: WasmArena,
  { buffers, stepBuffersBytes }: ArenaLayout,
  { share, shareCount }: { readonly share: number; readonly shareCount: number },
): Passage {
  const bytes = Math.floor(stepBuffersBytes / shareCount / lineBytes) * lineBytes;
  assert(buffers.hidden % lineBytes === 0, 'step buffers start on a cache line');
  return {
    start: buffers.hidden + share * bytes,
    bytes,
    counter: controlPointer + share * controlStrideBytes + soloControlBytes,
  };
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / lineBytes) * lineBytes;
}

function layoutOf({ layouts }: LoadTarget, arena: number): ArenaLayout {
  return defined(layouts[arena], `there is an arena ${arena}`);
}
