/** Defines every operation in plain TypeScript. It is slow but readable: it shows what a kernel must compute. */
import { defined } from '@plimsoll/foundation';
import type { KernelOperation, Kernels } from '../operations.ts';
import { ArenaView } from './arena-view.ts';
import { attention, kvStore } from './attention.ts';
import * as elementwise from './elementwise.ts';
import { gemm, packPanels } from './gemm.ts';
import { matMul, quantise } from './mat-mul.ts';
import { embed, repack } from './repack.ts';
import { argmax, topK } from './select.ts';

function perform(arena: ArenaView, operation: KernelOperation): void {
  switch (operation.op) {
    case 'repack':
      repack(arena, operation);
      break;
    case 'embed':
      embed(arena, operation);
      break;
    case 'quantise':
      quantise(arena, operation);
      break;
    case 'mat-mul':
      matMul(arena, operation);
      break;
    case 'rms-norm':
      elementwise.rmsNorm(arena, operation);
      break;
    case 'layer-norm':
      elementwise.layerNorm(arena, operation);
      break;
    case 'rope':
      elementwise.rope(arena, operation);
      break;
    case 'kv-store':
      kvStore(arena, operation);
      break;
    case 'attention':
      attention(arena, operation);
      break;
    case 'softmax':
      elementwise.softmax(arena, operation);
      break;
    case 'gated':
      elementwise.gated(arena, operation);
      break;
    case 'add':
      elementwise.add(arena, operation);
      break;
    case 'scale':
      elementwise.scale(arena, operation);
      break;
    case 'soft-cap':
      elementwise.softCap(arena, operation);
      break;
    case 'gather-rows':
      elementwise.gatherRows(arena, operation);
      break;
    case 'top-k':
      topK(arena, operation);
      break;
    case 'argmax':
      argmax(arena, operation);
      break;
    case 'pack-panels':
      packPanels(arena, operation);
      break;
    case 'gemm':
      gemm(arena, operation);
      break;
    case 'read-sum':
      elementwise.readSum(arena, operation);
      break;
    default:
      operation satisfies never;
  }
}

/** Creates reference kernels over arenas of plain or shared memory. */
export function createReferenceKernels(arenas: readonly { readonly buffer: ArrayBufferLike }[]): Kernels {
  return {
    path: 'reference',
    prepare: (operations) => ({ operations }),
    run(arena, program) {
      const view = new ArenaView(defined(arenas[arena], `there is no arena ${arena}`).buffer);
      for (const operation of 'operations' in program ? program.operations : program)
        perform(view, operation);
    },
    close: async () => {},
  };
}
