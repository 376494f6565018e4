import { type EngineName, plan, singleDevice } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  context: { kind: 'number', min: 8192, max: 131_072, default: 131_072 },
  device: {
    kind: 'choice',
    options: ['l40s-48gb', 'a100-sxm-80gb', 'h100-sxm-80gb', 'h200-sxm-141gb'],
    default: 'h100-sxm-80gb',
  },
} as const satisfies CellInputs;

const engines: readonly EngineName[] = ['none', 'vllm'];

export function compute({ context, device }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const rows = engines.map((engine) => {
    const { capacity } = plan({
      spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
      hardware: bench.hardware(device),
      parallelism: singleDevice,
      engine,
      workload: { contextTokens: context, users: 1 },
    });
    return [engine, capacity.poolBytes, capacity.bytesPerUser, capacity.usersMax];
  });
  return {
    columns: [
      { name: 'engine', unit: 'text' },
      { name: 'room', unit: 'bytes' },
      { name: 'each', unit: 'bytes' },
      { name: 'users', unit: 'count' },
    ],
    rows,
  };
}
