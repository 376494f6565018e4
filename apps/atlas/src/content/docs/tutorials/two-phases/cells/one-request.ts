import { prepare, singleDevice } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  prompt: { kind: 'number', min: 128, max: 65_536, default: 4096 },
  output: { kind: 'number', min: 1, max: 8192, default: 256 },
  device: {
    kind: 'choice',
    options: ['rtx-4090', 'a100-sxm-80gb', 'h100-sxm-80gb', 'h200-sxm-141gb'],
    default: 'h100-sxm-80gb',
  },
} as const satisfies CellInputs;

export function compute(values: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const { prompt, output } = values;
  const { speed } = prepare({
    spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
    hardware: bench.hardware(values.device),
    parallelism: singleDevice,
    engine: 'none',
    workload: { contextTokens: prompt + output, users: 1 },
  });
  const prefill = speed.prefillSeconds(prompt);
  // The first token comes with the prefill; the cache grows while the others are written.
  const steps = output - 1;
  const decode = steps * speed.decodeSeconds(1, prompt + output / 2);
  const total = prefill + decode;
  return {
    columns: [
      { name: 'phase', unit: 'text' },
      { name: 'tokens', unit: 'count' },
      { name: 'seconds', unit: 'seconds' },
      { name: 'share', unit: 'share' },
      { name: 'each', unit: 'seconds' },
    ],
    rows: [
      ['prefill', prompt, prefill, prefill / total, prefill / prompt],
      ['decode', steps, decode, decode / total, steps === 0 ? null : decode / steps],
    ],
  };
}
