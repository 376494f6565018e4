import { plan, prepare, singleDevice, usersMax } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  prompt: { kind: 'number', min: 1, max: 65_536, default: 4096 },
  output: { kind: 'number', min: 2, max: 8192, default: 512 },
  tpotMs: { kind: 'number', min: 10, max: 200, default: 50 },
} as const satisfies CellInputs;

const devices = ['a100-sxm-80gb', 'h100-sxm-80gb', 'h200-sxm-141gb', 'b200-sxm-180gb'];

export function compute(values: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const { prompt, output, tpotMs } = values;
  const rows = devices.map((device) => {
    const hardware = bench.hardware(device);
    const request = {
      spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
      hardware,
      parallelism: singleDevice,
      engine: 'vllm',
      workload: { contextTokens: prompt + output, promptTokens: prompt, users: 1 },
    } as const;
    const deployment = prepare(request);
    const { prefillSeconds, decodeSeconds } = deployment.speed;
    // Between two tokens of an answer there is a step, and now and then the prompt of somebody else.
    const tpot = (users: number): number =>
      decodeSeconds(users, prompt + output / 2) + ((users - 1) * prefillSeconds(prompt)) / (output - 1);
    let users = usersMax(deployment, prompt + output);
    while (users > 0 && tpot(users) * 1000 > tpotMs) users--;
    const price = users === 0 ? null : plan({ ...request, workload: { ...request.workload, users } }).price;
    if (price === null) return [hardware.name, hardware.pricePerHourUsd, users, null, null, null];
    const tokensPerSecond = (price.perHourUsd / 3600 / price.perMillionOutputUsd) * 1e6;
    const prefillShare = (prefillSeconds(prompt) * tokensPerSecond) / output;
    return [hardware.name, price.perHourUsd, users, prefillShare, tokensPerSecond, price.perMillionOutputUsd];
  });
  return {
    columns: [
      { name: 'device', unit: 'text' },
      { name: 'perHour', unit: 'ratio' },
      { name: 'users', unit: 'count' },
      { name: 'prefillShare', unit: 'share' },
      { name: 'throughput', unit: 'rate' },
      { name: 'perMillion', unit: 'ratio' },
    ],
    rows,
  };
}
