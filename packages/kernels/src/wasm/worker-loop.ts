/**
 * What a worker thread does: wait for a batch of commands, run it together with the other threads, wait again. It spins
 * for a moment first, because the next batch of a busy engine comes within microseconds, and then sleeps.
 */
import { abortOffset } from '../../assembly/opcodes.ts';
import { instantiate } from './instance.ts';

/** Words of the signal between the pool and its workers. */
export const signalWord = {
  generation: 0,
  arena: 1,
  count: 2,
  ready: 3,
  stop: 4,
  sleepers: 5,
  length: 6,
} as const;

/** Loads of the generation word before sleeping: about 50 microseconds. */
const spinsMax = 20_000;

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

/** Returns the generation that differs from `seen`. */
function nextGeneration(signal: Int32Array, seen: number): number {
  for (let spins = 0; spins < spinsMax; spins++) {
    const generation = Atomics.load(signal, signalWord.generation);
    if (generation !== seen) return generation;
  }
  Atomics.add(signal, signalWord.sleepers, 1);
  Atomics.wait(signal, signalWord.generation, seen);
  Atomics.sub(signal, signalWord.sleepers, 1);
  return Atomics.load(signal, signalWord.generation);
}

/** Tells the threads that wait in a barrier of this arena that one of them will not come. */
export function raiseAbort(arena: WasmArena): void {
  const words = new Int32Array(arena.memory.buffer, arena.controlPointer + abortOffset, 1);
  Atomics.store(words, 0, 1);
}

/** Runs until the pool says stop. A trap is reported by the abort flag, and the error goes to the caller. */
export function runWorker({ module, arenas, signal, thread, threads }: WorkerTask): void {
  const instances = arenas.map(({ memory }) => instantiate(module, memory));
  let seen = Atomics.load(signal, signalWord.generation);
  Atomics.add(signal, signalWord.ready, 1);
  Atomics.notify(signal, signalWord.ready);
  while (true) {
    seen = nextGeneration(signal, seen);
    if (Atomics.load(signal, signalWord.stop) !== 0) return;
    const index = Atomics.load(signal, signalWord.arena);
    const [arena, instance] = [arenas[index], instances[index]];
    if (arena === undefined || instance === undefined) continue;
    try {
      instance.execute(arena.controlPointer, Atomics.load(signal, signalWord.count), thread, threads);
    } catch (error) {
      raiseAbort(arena);
      throw error;
    }
  }
}
