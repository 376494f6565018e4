/**
 * The Wasm kernels: encodes operations into an arena's control region, wakes the worker threads and works with them as
 * thread 0 until the batch is done. `run` is synchronous: when it returns, the results are in the arena.
 */
import { assert, defined } from '@plimsoll/foundation';
import {
  commandBytes,
  commandsEnd,
  commandsOffset,
  takenOffset,
  threadsMax,
} from '../../assembly/opcodes.ts';
import type { KernelOperation, Kernels } from '../operations.ts';
import { buildNames } from './builds.ts';
import { encodeCommand } from './command-encoder.ts';
import { instantiate } from './instance.ts';
import { raiseAbort, signalWord, type WasmArena, type WorkerTask } from './worker-loop.ts';

/**
 * Pages of 64 KiB of the largest arena: one less than 4 GiB, because kernels compare a moving pointer with the end of its
 * range, and the end of a range that reached 4 GiB would be 0.
 */
export const arenaPagesMax = 65535;

/** Bytes of the control region that every arena has: barrier, counters, 444 commands, sums of tiles. */
export const controlBytes = 65536;
const commandsMax = (commandsEnd - commandsOffset) / commandBytes;

export interface WasmKernels extends Kernels {
  readonly threads: number;
  /** How many commands each thread has taken part in on an arena since it was made: proof that all of them work. */
  commandsTaken(arena: number): readonly number[];
}

export interface WasmKernelSettings {
  readonly module: WebAssembly.Module;
  readonly arenas: readonly WasmArena[];
  readonly threads: number;
  startThread(task: WorkerTask): KernelThread;
}

/** A started worker thread. */
export interface KernelThread {
  /** Resolves with the error that ended the thread, if one ever does. */
  readonly failure: Promise<unknown>;
  stop(): Promise<void>;
}

/** Longest time that starting all threads may take. */
const startSecondsMax = 30;

/** Resolves when all threads have said that they are ready; rejects when one of them fails first. */
async function allReady(
  signal: Int32Array<SharedArrayBuffer>,
  workers: readonly KernelThread[],
): Promise<void> {
  const failed = Promise.race(workers.map(async ({ failure }) => Promise.reject(await failure)));
  // A pending waitAsync does not keep a process alive; this timer does.
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
  readonly execute: (count: number) => void;
  readonly variant: number;

  constructor(arena: WasmArena, module: WebAssembly.Module, threads: number) {
    const instance = instantiate(module, arena.memory);
    const { byteLength } = arena.memory.buffer;
    assert(byteLength <= 65536 * arenaPagesMax, `an arena of ${byteLength} bytes: 4 GiB - 64 KiB at most`);
    this.arena = arena;
    this.variant = instance.variant;
    this.view = new DataView(arena.memory.buffer);
    this.execute = (count) => instance.execute(arena.controlPointer, count, 0, threads);
    new Uint8Array(arena.memory.buffer, arena.controlPointer, commandsOffset).fill(0);
  }

  encode(operations: readonly KernelOperation[]): void {
    operations.forEach((operation, index) => {
      encodeCommand(this.view, this.arena.controlPointer + commandsOffset + index * commandBytes, operation);
    });
  }
}

export async function createWasmKernels(settings: WasmKernelSettings): Promise<WasmKernels> {
  const { module, arenas, threads } = settings;
  assert(threads >= 1 && threads <= threadsMax, `${threads} kernel threads, not 1 to ${threadsMax}`);
  const signal = new Int32Array(new SharedArrayBuffer(4 * signalWord.length));
  const runners = arenas.map((arena) => new ArenaRunner(arena, module, threads));
  const workers = Array.from({ length: threads - 1 }, (_, index) =>
    settings.startThread({ module, arenas, signal, thread: index + 1, threads }),
  );
  await allReady(signal, workers);
  let isBroken = false;

  const wake = (): void => {
    Atomics.add(signal, signalWord.generation, 1);
    if (Atomics.load(signal, signalWord.sleepers) > 0) Atomics.notify(signal, signalWord.generation);
  };
  const runBatch = (index: number, operations: readonly KernelOperation[]): void => {
    assert(!isBroken, 'the kernels were used after one of them trapped, or after close');
    const runner = defined(runners[index], `there is no arena ${index}`);
    runner.encode(operations);
    Atomics.store(signal, signalWord.arena, index);
    Atomics.store(signal, signalWord.count, operations.length);
    wake();
    try {
      runner.execute(operations.length);
    } catch (error) {
      isBroken = true;
      raiseAbort(runner.arena);
      throw error;
    }
  };

  return {
    path: `wasm-${buildNames[runners[0]?.variant ?? 0]}`,
    threads,
    run(arena, operations) {
      for (let start = 0; start < operations.length; start += commandsMax) {
        runBatch(arena, operations.slice(start, start + commandsMax));
      }
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

function workersAndMain(threads: number): number[] {
  return Array.from({ length: threads }, (_, thread) => thread);
}
