import { plan, singleDevice } from '@plimsoll/planner';
import { ledgerBytes } from '@plimsoll/planner/ledger';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const contextTokens = 8192;

export const inputs = {
  device: {
    kind: 'choice',
    options: ['rtx-3060-12gb', 'rtx-4090', 'rtx-5090'],
    default: 'rtx-3060-12gb',
  },
} as const satisfies CellInputs;

export function compute({ device }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const rows = ['F16', 'Q8_0', 'Q6_K', 'Q4_K_M', 'Q2_K'].map((weights) => {
    const { ledger, capacity, fits } = plan({
      spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
      hardware: bench.hardware(device),
      parallelism: singleDevice,
      engine: 'llama.cpp',
      weights,
      workload: { contextTokens, users: 1 },
    });
    return [weights, ledgerBytes(ledger, { category: 'weights' }), fits, capacity.contextMax];
  });
  return {
    columns: [
      { name: 'format', unit: 'text' },
      { name: 'weights', unit: 'bytes' },
      { name: 'fits', unit: 'text' },
      { name: 'context', unit: 'tokens' },
    ],
    rows,
  };
}
