import { prepare, singleDevice, usersMax } from '@plimsoll/planner';
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
    const deployment = prepare({
      spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
      hardware,
      parallelism: singleDevice,
      engine: 'vllm',
      workload: { contextTokens: prompt + output, users: 1 },
    });
    const { prefillSeconds, decodeSeconds } = deployment.speed;
    // In the time of one answer, every user's prompt is read once, and all answers grow by a token per step.
    const prefill = prefillSeconds(prompt);
    const steps = output - 1;
    const decode = (users: number): number => steps * decodeSeconds(users, prompt + output / 2);
    // The wait between two tokens includes the prompts of all the others.
    const tpot = (users: number): number => (decode(users) + (users - 1) * prefill) / steps;
    let users = usersMax(deployment, prompt + output);
    while (users > 0 && tpot(users) * 1000 > tpotMs) users--;
    const perHour = hardware.pricePerHourUsd;
    if (users === 0 || perHour === null) return [hardware.name, perHour, users, null, null, null];
    const seconds = decode(users) + users * prefill;
    const tokensPerSecond = (users * output) / seconds;
    const perMillion = (perHour / 3600 / tokensPerSecond) * 1e6;
    return [hardware.name, perHour, users, (users * prefill) / seconds, tokensPerSecond, perMillion];
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
