import { prepare, singleDevice, solve } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  context: { kind: 'number', min: 512, max: 32_768, default: 2048 },
  device: {
    kind: 'choice',
    options: ['rtx-4090', 'l40s-48gb', 'a100-sxm-80gb', 'h100-sxm-80gb'],
    default: 'h100-sxm-80gb',
  },
} as const satisfies CellInputs;

export function compute({ context, device }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const deployment = prepare({
    spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
    hardware: bench.hardware(device),
    parallelism: singleDevice,
    engine: 'none',
    workload: { contextTokens: context, users: 1 },
  });
  const rows = [1, 2, 4, 8, 16, 32, 64, 128].map((users) => {
    const point = solve(deployment, { users, contextTokens: context });
    return [
      users,
      point.cacheBytes,
      point.cacheBytes / deployment.weightBytes,
      point.totalBytes,
      point.feasible,
    ];
  });
  return {
    columns: [
      { name: 'users', unit: 'count' },
      { name: 'cache', unit: 'bytes' },
      { name: 'timesWeights', unit: 'ratio' },
      { name: 'total', unit: 'bytes' },
      { name: 'fits', unit: 'text' },
    ],
    rows,
    chart: {
      x: 'users',
      y: ['total', 'cache'],
      xScale: 'log',
      yScale: 'linear',
      mark: { axis: 'y', value: deployment.capacityBytes },
    },
  };
}
