import { plan, prepare, singleDevice, solve } from '@plimsoll/planner';
import { ledgerBytes } from '@plimsoll/planner/ledger';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const contextTokens = 8192;
export const busyUsers = 32;

export const inputs = {
  model: {
    kind: 'choice',
    options: [
      'meta-llama/Llama-3.1-8B-Instruct',
      'Qwen/Qwen2.5-32B-Instruct',
      'meta-llama/Llama-3.1-70B-Instruct',
    ],
    default: 'meta-llama/Llama-3.1-8B-Instruct',
  },
  device: {
    kind: 'choice',
    options: ['rtx-4090', 'l40s-48gb', 'h100-sxm-80gb', 'h200-sxm-141gb'],
    default: 'h100-sxm-80gb',
  },
} as const satisfies CellInputs;

export function compute({ model, device }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const rows = ['bf16', 'fp8', 'awq'].map((weights) => {
    const request = {
      spec: bench.model(model),
      hardware: bench.hardware(device),
      parallelism: singleDevice,
      engine: 'none',
      weights,
      workload: { contextTokens, users: 1 },
    } as const;
    const { ledger, capacity, speed } = plan(request);
    const busy = solve(prepare(request), { contextTokens, users: busyUsers });
    const weightBytes = ledgerBytes(ledger, { category: 'weights' });
    return [weights, weightBytes, capacity.usersMax, speed.tpotSeconds, busy.tpotSeconds, speed.ttftSeconds];
  });
  return {
    columns: [
      { name: 'format', unit: 'text' },
      { name: 'weights', unit: 'bytes' },
      { name: 'users', unit: 'count' },
      { name: 'alone', unit: 'seconds' },
      { name: 'busy', unit: 'seconds' },
      { name: 'ttft', unit: 'seconds' },
    ],
    rows,
  };
}
