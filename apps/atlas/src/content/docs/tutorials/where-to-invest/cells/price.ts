import { prepare, singleDevice, solve, usersMax } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  context: { kind: 'number', min: 512, max: 65_536, step: 512, default: 8192 },
  tpotMs: { kind: 'number', min: 10, max: 200, step: 5, default: 50 },
} as const satisfies CellInputs;

const devices = ['a100-sxm-80gb', 'h100-sxm-80gb', 'h200-sxm-141gb', 'b200-sxm-180gb'];

export function compute({ context, tpotMs }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const rows = devices.map((device) => {
    const hardware = bench.hardware(device);
    const deployment = prepare({
      spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
      hardware,
      parallelism: singleDevice,
      engine: 'vllm',
      workload: { contextTokens: context, users: 1 },
    });
    // As many users as fit, but no more than keep the promised time per token.
    let users = usersMax(deployment, context);
    const tpot = (count: number): number => deployment.speed.decodeSeconds(count, context) * 1000;
    while (users > 0 && tpot(users) > tpotMs) users--;
    const perHour = hardware.pricePerHourUsd;
    if (users === 0 || perHour === null) return [hardware.name, perHour, users, null, null];
    const { tokensPerSecond } = solve(deployment, { contextTokens: context, users });
    return [hardware.name, perHour, users, tokensPerSecond, (perHour / (tokensPerSecond * 3600)) * 1e6];
  });
  return {
    columns: [
      { name: 'device', unit: 'text' },
      { name: 'perHour', unit: 'ratio' },
      { name: 'users', unit: 'count' },
      { name: 'throughput', unit: 'rate' },
      { name: 'perMillion', unit: 'ratio' },
    ],
    rows,
  };
}
