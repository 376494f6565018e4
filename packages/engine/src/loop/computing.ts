/**
 * The kernels of an engine. The reference kernels need no start. For the Wasm kernels the threads start first and help
 * to load the weights; for that they need only the module and a few words of an arena. Then they run kernels.
 */

import { defined } from '@plimsoll/foundation';
import {
  createWasmKernels,
  type Kernels,
  loadKernelModule,
  preferredBuild,
  type WasmArena,
} from '@plimsoll/kernels';
import { createReferenceKernels } from '@plimsoll/kernels/reference';
import { createSoloKernels } from '@plimsoll/kernels/solo';
import type { LoadTarget } from '../load/load-weights.ts';
import { type EngineThread, startThread } from '../start/threads.ts';

export interface Computing extends Pick<LoadTarget, 'helpers' | 'openArenas'> {
  /** Call after loading. The kernels take over the threads and the control regions of the arenas. */
  startKernels(): Promise<Kernels>;
  close(): Promise<void>;
}

export function openReference(arenas: readonly WasmArena[]): Computing {
  const kernels = createReferenceKernels(arenas.map(({ memory }) => memory));
  return {
    helpers: [],
    openArenas: (places) =>
      places.map(({ memory: { buffer } }, arena) => ({
        buffer,
        run: (operations) => kernels.run(arena, operations),
      })),
    startKernels: async () => kernels,
    close: () => kernels.close(),
  };
}

/** `threads` includes the calling thread. */
export async function openWasm(arenas: readonly WasmArena[], threads: number): Promise<Computing> {
  const others: readonly EngineThread[] = Array.from({ length: threads - 1 }, startThread);
  let close = async (): Promise<void> => void (await Promise.all(others.map((thread) => thread.stop())));
  try {
    const module = await loadKernelModule(preferredBuild());
    return {
      helpers: others.map((thread) => thread.helper(module)),
      openArenas: (places) =>
        places.map((place) => ({
          buffer: place.memory.buffer,
          run: createSoloKernels(module, place).run,
        })),
      async startKernels() {
        const kernels = await createWasmKernels({
          module,
          arenas,
          threads,
          startThread: (task) =>
            defined(others[task.thread - 1], 'a thread was started for every number').runKernels(task),
        });
        close = () => kernels.close();
        return kernels;
      },
      close: () => close(),
    };
  } catch (error) {
    await close();
    throw error;
  }
}
