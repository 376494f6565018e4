/** Entry point of an engine's thread. It executes orders from threads.ts, one after the other. */
import { parentPort } from 'node:worker_threads';
import { defined, PlimsollError } from '@plimsoll/foundation';
import { createSoloKernels, runWorker } from '@plimsoll/kernels/thread';
import { LoadShare } from '../load/load-share.ts';
import type { ThreadAnswer, ThreadOrder } from './threads.ts';

const port = defined(parentPort, 'this file is the entry of a thread');

function load({ task, module, places }: Extract<ThreadOrder, { readonly kind: 'load' }>): ThreadAnswer {
  try {
    const arenas = places.map((place) => ({
      buffer: place.memory.buffer,
      run: createSoloKernels(module, place).run,
    }));
    const share = new LoadShare(task, arenas);
    while (share.loadNext() !== null);
    return { kind: 'loaded' };
  } catch (error) {
    return error instanceof PlimsollError
      ? { kind: 'refused', details: error.toJSON() }
      : { kind: 'failed', error };
  }
}

port.on('message', (order: ThreadOrder) => {
  // runWorker returns when the kernels stop. The thread gets no orders after this one.
  if (order.kind === 'kernels') runWorker(order.task);
  else port.postMessage(load(order));
});
