/**
 * The Wasm kernels. `run` writes encoded commands into an arena's control region, wakes the worker threads and works
 * with them as thread 0 until the batch is done. `run` is synchronous: after it returns, the results are in the arena.
 */
import { assert, defined } from '@plimsoll/foundation';
import {
  commandBytes,
  commandsOffset,
  countOffset,
  takenOffset,
  threadsMax,
} from '../../assembly/opcodes.ts';
import type { KernelOperation, Kernels, Program } from '../operations.ts';
import { buildNames } from './builds.ts';
import { instantiate, type KernelInstance } from './instance.ts';
import { type Sharing, usualPartElementsMin, WasmProgram } from './program.ts';
import { raiseAbort, signalWord, type WasmArena, type WorkerTask } from './worker-loop.ts';

/**
 * Pages of 64 KiB of the largest arena: one less than 4 GiB, because kernels compare a moving pointer with the end of
 * its range, and as a 32-bit number an end of 4 GiB would be 0.
 */
export const arenaPagesMax = 65535;

export { controlBytes } from './program.ts';

export interface WasmKernels extends Kernels {
  readonly threads: number;
  /**
   * Returns the number of shared commands that each thread has worked on in an arena since its creation: proof that all
   * threads work. A late thread misses some commands; small commands, which one thread runs alone, do not count.
   */
  commandsTaken(arena: number): readonly number[];
}

export interface WasmKernelSettings {
  readonly module: WebAssembly.Module;
  readonly arenas: readonly WasmArena[];
  readonly threads: number;
  /** Minimum work of a part; tests set 1 to share everything. */
  readonly partElementsMin?: number;
  startThread(task: WorkerTask): KernelThread;
}

/** A started worker thread. */
export interface KernelThread {
  /** Resolves with the error that ended the thread, if an error does. */
  readonly failure: Promise<unknown>;
  stop(): Promise<void>;
}

/** Longest time that starting all threads may take, in seconds. */
const startSecondsMax = 30;

/** Resolves after all threads have reported that they are ready; rejects if a thread fails first. */
async function allReady(
  signal: Int32Array<SharedArrayBuffer>,
  workers: readonly KernelThread[],
): Promise<void> {
  const failed = Promise.race(workers.map(async ({ failure }) => Promise.reject(await failure)));
  // A pending waitAsync does not keep a process alive, so this timer does.
  const alive = setInterval(() => {}, 1000 * startSecondsMax);
  try {
    for (let ready = 0; ready < workers.length; ready = Atomics.load(signal, signalWord.ready)) {
      const waiting = Atomics.waitAsync(signal, signalWord.ready, ready, 1000 * startSecondsMax);
      const outcome = waiting.async ? await Promise.race([waiting.value, failed]) : waiting.value;
      assert(outcome !== 'timed-out', `${ready} of ${workers.length} kernel threads started within 30 s`);
    }
  } finally {
    clearInterval(alive);
  }
}

class ArenaRunner {
  readonly arena: WasmArena;
  readonly view: DataView;
  readonly instance: KernelInstance;
  readonly #commands: Uint8Array;

  constructor(arena: WasmArena, module: WebAssembly.Module) {
    const { buffer } = arena.memory;
    assert(
      buffer.byteLength <= 65536 * arenaPagesMax,
      `an arena of ${buffer.byteLength} bytes exceeds the limit of 4 GiB - 64 KiB`,
    );
    this.arena = arena;
    this.instance = instantiate(module, arena.memory);
    this.view = new DataView(buffer);
    this.#commands = new Uint8Array(buffer, arena.controlPointer + commandsOffset);
    new Uint8Array(buffer, arena.controlPointer, commandsOffset).fill(0);
  }

  /** Writes a batch into the control region. No thread reads it before the batch begins. */
  load(commands: Uint8Array): void {
    this.#commands.set(commands);
    const count = commands.length / commandBytes;
    this.view.setUint32(this.arena.controlPointer + countOffset, count, true);
  }
}

/** Creates kernels with worker threads. Fails if a thread does not start within 30 seconds. */
export async function createWasmKernels(settings: WasmKernelSettings): Promise<WasmKernels> {
  const { module, arenas, threads, partElementsMin = usualPartElementsMin } = settings;
  assert(threads >= 1 && threads <= threadsMax, `${threads} kernel threads, outside 1 to ${threadsMax}`);
  const signal = new Int32Array(new SharedArrayBuffer(4 * signalWord.length));
  const runners = arenas.map((arena) => new ArenaRunner(arena, module));
  const workers = Array.from({ length: threads - 1 }, (_, index) =>
    settings.startThread({ module, arenas, signal, thread: index + 1, threads }),
  );
  await allReady(signal, workers);
  let isBroken = false;

  /** Announces a batch and returns its number. */
  const wake = (): number => {
    const batch = Atomics.add(signal, signalWord.batch, 1) + 1;
    if (Atomics.load(signal, signalWord.sleepers) > 0) Atomics.notify(signal, signalWord.batch);
    return batch;
  };
  const runBatch = (index: number, runner: ArenaRunner, commands: Uint8Array): void => {
    assert(!isBroken, 'the kernels were used after a trap or after close');
    runner.load(commands);
    Atomics.store(signal, signalWord.arena, index);
    try {
      runner.instance.lead(runner.arena.controlPointer, wake(), threads);
    } catch (error) {
      isBroken = true;
      raiseAbort(runner.arena);
      throw error;
    }
  };

  return {
    path: `wasm-${buildNames[runners[0]?.instance.variant ?? 0]}`,
    threads,
    prepare: (operations) => new WasmProgram(operations, { threads, partElementsMin }),
    run(arena, program) {
      const runner = defined(runners[arena], `there is no arena ${arena}`);
      for (const commands of asWasmProgram(program, { threads, partElementsMin }).batches)
        runBatch(arena, runner, commands);
    },
    commandsTaken(arena) {
      const { view, arena: place } = defined(runners[arena], `there is no arena ${arena}`);
      return workersAndMain(threads).map((thread) =>
        view.getUint32(place.controlPointer + takenOffset + 4 * thread, true),
      );
    },
    async close() {
      isBroken = true;
      Atomics.store(signal, signalWord.stop, 1);
      wake();
      await Promise.all(workers.map((worker) => worker.stop()));
    },
  };
}

function asWasmProgram(program: readonly KernelOperation[] | Program, sharing: Sharing): WasmProgram {
  if (program instanceof WasmProgram) return program;
  return new WasmProgram('operations' in program ? program.operations : program, sharing);
}

function workersAndMain(threads: number): number[] {
  return Array.from({ length: threads }, (_, thread) => thread);
}
