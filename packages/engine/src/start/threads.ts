/**
 * The engine's threads in addition to the main thread. Each thread first loads a share of the weights, then runs
 * kernels until the engine closes.
 */
import { Worker } from 'node:worker_threads';
import { type ErrorDetails, PlimsollError } from '@plimsoll/foundation';
import type { KernelThread, WasmArena, WorkerTask } from '@plimsoll/kernels';
import type { LoadTask } from '../load/load-task.ts';
import type { LoadHelper } from '../load/load-weights.ts';

/** A message to a thread. */
export type ThreadOrder =
  | {
      readonly kind: 'load';
      readonly task: LoadTask;
      readonly module: WebAssembly.Module;
      readonly places: readonly WasmArena[];
    }
  | { readonly kind: 'kernels'; readonly task: WorkerTask };

/** A thread's answer to a `load` order. */
export type ThreadAnswer =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'refused'; readonly details: ErrorDetails }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface EngineThread extends KernelThread {
  /** A view of the thread that loads weights. */
  helper(module: WebAssembly.Module): LoadHelper;
  /** Starts the kernel loop. Afterwards the thread takes no other orders. */
  runKernels(task: WorkerTask): KernelThread;
}

/** Starts a thread that does not keep the process alive. */
export function startThread(): EngineThread {
  // The entry file is in this folder; in a built program both files are JavaScript.
  const name = import.meta.url.endsWith('.ts') ? './thread-entry.ts' : './thread-entry.js';
  const worker = new Worker(new URL(name, import.meta.url));
  const failure = new Promise<unknown>((resolve) => worker.once('error', resolve));
  const order = (message: ThreadOrder): void => worker.postMessage(message);
  const answer = (): Promise<ThreadAnswer> =>
    new Promise((resolve, reject) => {
      worker.once('message', resolve);
      failure.then(reject);
      worker.once('exit', () => reject(new Error('a thread ended while it was loading')));
    });
  worker.unref();
  const thread = { failure, stop: async () => void (await worker.terminate()) };
  return {
    ...thread,
    helper: (module) => ({
      async load(task, places) {
        const answered = answer();
        order({ kind: 'load', task, module, places });
        const said = await answered;
        if (said.kind === 'refused') throw new PlimsollError(said.details);
        if (said.kind === 'failed') throw said.error;
      },
    }),
    runKernels(task) {
      order({ kind: 'kernels', task });
      return thread;
    },
  };
}
