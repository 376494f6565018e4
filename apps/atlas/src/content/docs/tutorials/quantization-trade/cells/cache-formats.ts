import { plan, singleDevice } from '@plimsoll/planner';
import type { KvFormat } from '@plimsoll/planner/formats';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  context: { kind: 'number', min: 1024, max: 131_072, default: 32_768 },
} as const satisfies CellInputs;

const formats: readonly KvFormat[] = ['bf16', 'fp8', 'q8_0', 'q4_0'];

export function compute({ context }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const rows = formats.map((kvFormat) => {
    const { capacity } = plan({
      spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
      hardware: bench.hardware('h100-sxm-80gb'),
      parallelism: singleDevice,
      engine: 'none',
      kvFormat,
      workload: { contextTokens: context, users: 1 },
    });
    return [kvFormat, capacity.bytesPerToken, capacity.bytesPerUser, capacity.usersMax];
  });
  return {
    columns: [
      { name: 'format', unit: 'text' },
      { name: 'perToken', unit: 'bytes' },
      { name: 'perUser', unit: 'bytes' },
      { name: 'users', unit: 'count' },
    ],
    rows,
  };
}
