import { prepare, singleDevice, solve } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  context: { kind: 'number', min: 256, max: 16_384, default: 1024 },
  device: {
    kind: 'choice',
    options: ['a100-sxm-80gb', 'h100-sxm-80gb', 'h200-sxm-141gb'],
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
  const rows = [1, 2, 4, 8, 16, 32, 64, 128, 256].map((users) => {
    const { tpotSeconds, tokensPerSecond, feasible } = solve(deployment, { users, contextTokens: context });
    return [users, tpotSeconds, tokensPerSecond, deployment.speed.decodeBound(users, context), feasible];
  });
  return {
    columns: [
      { name: 'users', unit: 'count' },
      { name: 'step', unit: 'seconds' },
      { name: 'throughput', unit: 'rate' },
      { name: 'bound', unit: 'text' },
      { name: 'fits', unit: 'text' },
    ],
    rows,
    chart: { x: 'users', y: ['throughput'], xScale: 'log', yScale: 'log' },
  };
}
