import { prepare, singleDevice, solve } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  users: { kind: 'number', min: 1, max: 64, default: 8 },
  model: {
    kind: 'choice',
    options: ['meta-llama/Llama-3.1-8B-Instruct', 'openai/gpt-oss-20b', 'google/gemma-3-12b-it'],
    default: 'meta-llama/Llama-3.1-8B-Instruct',
  },
} as const satisfies CellInputs;

export function compute({ users, model }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const deployment = prepare({
    spec: bench.model(model),
    hardware: bench.hardware('h100-sxm-80gb'),
    parallelism: singleDevice,
    engine: 'none',
    workload: { contextTokens: 512, users },
  });
  const rows = [512, 2048, 8192, 16_384, 32_768, 65_536, 131_072].map((contextTokens) => {
    const point = solve(deployment, { users, contextTokens });
    return [contextTokens, point.cacheBytes, point.totalBytes, point.utilization, point.feasible];
  });
  return {
    columns: [
      { name: 'context', unit: 'tokens' },
      { name: 'cache', unit: 'bytes' },
      { name: 'total', unit: 'bytes' },
      { name: 'share', unit: 'share' },
      { name: 'fits', unit: 'text' },
    ],
    rows,
    chart: {
      x: 'context',
      y: ['total', 'cache'],
      xScale: 'log',
      yScale: 'linear',
      mark: { axis: 'y', value: deployment.capacityBytes },
    },
  };
}
