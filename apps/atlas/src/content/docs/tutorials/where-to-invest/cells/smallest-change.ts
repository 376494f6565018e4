import { plan, singleDevice } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  users: { kind: 'number', min: 1, max: 64, default: 8 },
  context: { kind: 'number', min: 1024, max: 131_072, default: 32_768 },
  device: {
    kind: 'choice',
    options: ['rtx-4090', 'l40s-48gb', 'a100-sxm-80gb'],
    default: 'l40s-48gb',
  },
} as const satisfies CellInputs;

export function compute({ users, context, device }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const { fits, capacity, advice, speed } = plan({
    spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
    hardware: bench.hardware(device),
    parallelism: singleDevice,
    engine: 'vllm',
    workload: { contextTokens: context, users },
  });
  return {
    columns: [
      { name: 'change', unit: 'text' },
      { name: 'fits', unit: 'text' },
      { name: 'users', unit: 'count' },
      { name: 'tpot', unit: 'seconds' },
    ],
    rows: [
      ['asItIs', fits, capacity.usersMax, speed.tpotSeconds],
      ...advice.map((item) => [item.change, item.fits, item.usersMax, item.tpotSeconds]),
    ],
  };
}
