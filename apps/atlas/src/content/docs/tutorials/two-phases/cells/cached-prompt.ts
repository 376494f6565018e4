import { prepare, singleDevice } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  prompt: { kind: 'number', min: 1024, max: 65_536, default: 8192 },
} as const satisfies CellInputs;

/** Tokens of a KV block under vLLM's defaults. */
const blockTokens = 16;

export function compute({ prompt }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const { speed } = prepare({
    spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
    hardware: bench.hardware('h100-sxm-80gb'),
    parallelism: singleDevice,
    engine: 'none',
    workload: { contextTokens: prompt, users: 1 },
  });
  const whole = speed.prefillSeconds(prompt);
  const rows = [0, 0.25, 0.5, 0.75, 0.95].map((share) => {
    // Hits come in whole blocks.
    const cached = Math.floor((prompt * share) / blockTokens) * blockTokens;
    const seconds = speed.prefillSeconds(prompt, cached);
    return [share, cached, seconds, 1 - seconds / whole];
  });
  return {
    columns: [
      { name: 'share', unit: 'share' },
      { name: 'cached', unit: 'count' },
      { name: 'ttft', unit: 'seconds' },
      { name: 'saved', unit: 'share' },
    ],
    rows,
  };
}
