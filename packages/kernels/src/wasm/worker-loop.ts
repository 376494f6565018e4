/**
 * What a worker thread does: wait for a batch of commands, run it together with the other threads, wait again. It spins
 * for a moment first, because the next batch of a busy engine comes within microseconds, and then sleeps.
 */
import { abortOffset } from '../../assembly/opcodes.ts';
import { instantiate } from './instance.ts';

/** Words of the signal between the pool and its workers. */
export const signalWord = {
  batch: 0,
  arena: 1,
  ready: 2,
  stop: 3,
  sleepers: 4,
  length: 5,
} as const;

/**
 * Longest and shortest time of spinning between two batches. A thread that was asleep is woken on whatever core the
 * system picks, at times the one that the waking thread runs on, and both then stay there for milliseconds: while batches
 * follow each other a worker should not sleep at all.
 */
const spinMillisecondsMax = 2;
const spinMillisecondsMin = 0.05;
/** Loads of the batch word between two looks at the clock. */
const loadsPerLook = 200;

/** An arena and the byte offset of its control region. */
export interface WasmArena {
  readonly memory: WebAssembly.Memory;
  readonly controlPointer: number;
}

export interface WorkerTask {
  readonly module: WebAssembly.Module;
  readonly arenas: readonly WasmArena[];
  readonly signal: Int32Array<SharedArrayBuffer>;
  readonly thread: number;
  readonly threads: number;
}

/** Waits for batches: spins, and sleeps when none comes. The last wait says how long to spin the next time. */
class BatchWait {
  readonly #signal: Int32Array;
  #spinMilliseconds = spinMillisecondsMax;

  constructor(signal: Int32Array) {
    this.#signal = signal;
  }

  /** Returns the batch that differs from `seen`. */
  next(seen: number): number {
    const start = performance.now();
    const batch = this.#spin(seen, start) ?? this.#sleep(seen);
    const isShort = performance.now() - start < spinMillisecondsMax;
    this.#spinMilliseconds = isShort ? spinMillisecondsMax : spinMillisecondsMin;
    return batch;
  }

  #spin(seen: number, start: number): number | null {
    do {
      for (let loads = 0; loads < loadsPerLook; loads++) {
        const batch = Atomics.load(this.#signal, signalWord.batch);
        if (batch !== seen) return batch;
      }
    } while (performance.now() - start < this.#spinMilliseconds);
    return null;
  }

  #sleep(seen: number): number {
    Atomics.add(this.#signal, signalWord.sleepers, 1);
    Atomics.wait(this.#signal, signalWord.batch, seen);
    Atomics.sub(this.#signal, signalWord.sleepers, 1);
    return Atomics.load(this.#signal, signalWord.batch);
  }
}

/** Tells the threads that wait for a phase of this arena that one of those inside will not leave it. */
export function raiseAbort(arena: WasmArena): void {
  const words = new Int32Array(arena.memory.buffer, arena.controlPointer + abortOffset, 1);
  Atomics.store(words, 0, 1);
}

/** Runs until the pool says stop. A trap is reported by the abort flag, and the error goes to the caller. */
export function runWorker({ module, arenas, signal, thread, threads }: WorkerTask): void {
  const instances = arenas.map(({ memory }) => instantiate(module, memory));
  const wait = new BatchWait(signal);
  let seen = Atomics.load(signal, signalWord.batch);
  Atomics.add(signal, signalWord.ready, 1);
  Atomics.notify(signal, signalWord.ready);
  while (true) {
    seen = wait.next(seen);
    if (Atomics.load(signal, signalWord.stop) !== 0) return;
    // This may be the arena of a later batch already; then `follow` waits for that one, or finds that it is over.
    const index = Atomics.load(signal, signalWord.arena);
    const [arena, instance] = [arenas[index], instances[index]];
    if (arena === undefined || instance === undefined) continue;
    try {
      instance.follow(arena.controlPointer, seen, thread, threads);
    } catch (error) {
      raiseAbort(arena);
      throw error;
    }
  }
}
