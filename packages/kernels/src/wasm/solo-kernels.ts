/**
 * Kernels for one independent thread: it has its own commands, so it waits for no thread and no thread waits for it.
 * For work that consists of independent parts, such as loading weights, where a barrier after each part would cost more
 * than the part.
 */
import { assert } from '@plimsoll/foundation';
import { commandBytes, commandsOffset, countOffset } from '../../assembly/opcodes.ts';
import type { KernelOperation } from '../operations.ts';
import { encodeCommand } from './command-encoder.ts';
import { instantiate } from './instance.ts';
import type { WasmArena } from './worker-loop.ts';

/**
 * Bytes that the thread needs at the arena's control pointer: the words of a batch and one command. The sums of a
 * mat-mul's tiles, which follow the commands in a full control region, are not included: a solo thread runs no mat-mul.
 */
export const soloControlBytes = commandsOffset + commandBytes;

export interface SoloKernels {
  run(operations: readonly KernelOperation[]): void;
}

/** Creates kernels for the calling thread alone. `controlPointer` is a multiple of 64. */
export function createSoloKernels(
  module: WebAssembly.Module,
  { memory, controlPointer }: WasmArena,
): SoloKernels {
  assert(controlPointer % 64 === 0, 'commands start on a cache line');
  const instance = instantiate(module, memory);
  const view = new DataView(memory.buffer);
  view.setUint32(controlPointer + countOffset, 1, true);
  return {
    run(operations) {
      for (const operation of operations) {
        assert(operation.op !== 'mat-mul', 'a solo thread has no room for the sums of a mat-mul');
        encodeCommand(view, controlPointer + commandsOffset, operation);
        instance.lead(controlPointer, 0, 1);
      }
    },
  };
}
