import { plan, singleDevice } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  model: {
    kind: 'choice',
    options: ['meta-llama/Llama-3.1-8B-Instruct', 'Qwen/Qwen3-4B', 'openai/gpt-oss-20b', 'microsoft/phi-2'],
    default: 'meta-llama/Llama-3.1-8B-Instruct',
  },
  context: { kind: 'number', min: 128, max: 131_072, default: 2048 },
} as const satisfies CellInputs;

export function compute({ model, context }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const spec = bench.model(model);
  const { ledger, hardware, spareBytes } = plan({
    spec,
    hardware: bench.hardware('h100-sxm-80gb'),
    parallelism: singleDevice,
    engine: 'none',
    workload: { contextTokens: Math.min(context, spec.contextLength), users: 1 },
  });
  const total = (category: string): number =>
    ledger.entries.filter((entry) => entry.category === category).reduce((sum, { bytes }) => sum + bytes, 0);
  const parts = [
    ['weights', total('weights')],
    ['cache', total('kv-cache') + total('state')],
    ['free', spareBytes],
  ] as const;
  return {
    columns: [
      { name: 'part', unit: 'text' },
      { name: 'bytes', unit: 'bytes' },
      { name: 'share', unit: 'share' },
    ],
    rows: parts.map(([part, bytes]) => [part, bytes, bytes / hardware.usableBytes]),
    caps: { context: { most: spec.contextLength, setBy: model } },
  };
}
