/**
 * The loop of a worker thread: waits for a batch of commands, runs it together with the other threads, and waits again.
 * A waiting thread first spins, because the next batch of a busy engine arrives within microseconds, and then sleeps.
 */
import { abortOffset } from '../../assembly/opcodes.ts';
import { instantiate } from './instance.ts';

/** Word indexes of the signal that the pool and its workers share. */
export const signalWord = {
  batch: 0,
  arena: 1,
  ready: 2,
  stop: 3,
  sleepers: 4,
  length: 5,
} as const;

/**
 * Longest and shortest spin between two batches. The system may wake a sleeping thread on any core, even on the waking
 * thread's core, and both threads then share that core for milliseconds. While batches follow each other, a worker
 * should therefore not sleep.
 */
const spinMillisecondsMax = 2;
const spinMillisecondsMin = 0.05;
/** Loads of the batch word between two readings of the clock. */
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

/**
 * Waits for batches: spins, then sleeps. After a short wait the next spin may be long, after a long wait it is short.
 */
class BatchWait {
  readonly #signal: Int32Array;
  #spinMilliseconds = spinMillisecondsMax;

  constructor(signal: Int32Array) {
    this.#signal = signal;
  }

  /** Waits until the batch number differs from `seen`, and returns it. */
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

/** Tells threads that wait for a phase of this arena that a thread inside will not leave it. */
export function raiseAbort(arena: WasmArena): void {
  const words = new Int32Array(arena.memory.buffer, arena.controlPointer + abortOffset, 1);
  Atomics.store(words, 0, 1);
}

/** Runs batches until the pool signals stop. After a trap it raises the abort flag and throws the error. */
export function runWorker({ module, arenas, signal, thread, threads }: WorkerTask): void {
  const instances = arenas.map(({ memory }) => instantiate(module, memory));
  const wait = new BatchWait(signal);
  let seen = Atomics.load(signal, signalWord.batch);
  Atomics.add(signal, signalWord.ready, 1);
  Atomics.notify(signal, signalWord.ready);
  while (true) {
    seen = wait.next(seen);
    if (Atomics.load(signal, signalWord.stop) !== 0) return;
    // The word may already name the arena of a later batch; then `follow` waits for that batch, or finds that it is
    // over.
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
