/**
 * A kernel that traps leaves its threads and the cache in an unknown state, so no later step can be trusted. The
 * wrapper marks these errors: the loop closes the engine for them, while other errors end only requests.
 */
import type { Kernels } from '@plimsoll/kernels';

export class KernelFailure extends Error {
  override readonly name = 'KernelFailure';
}

export function watchedKernels(kernels: Kernels): Kernels {
  return {
    ...kernels,
    run(arena, program) {
      try {
        kernels.run(arena, program);
      } catch (error) {
        throw new KernelFailure('a kernel stopped in the middle of an operation', { cause: error });
      }
    },
  };
}
