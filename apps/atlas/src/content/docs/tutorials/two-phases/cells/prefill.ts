import { prepare, singleDevice } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  model: {
    kind: 'choice',
    options: ['meta-llama/Llama-3.1-8B-Instruct', 'Qwen/Qwen2.5-32B-Instruct', 'Qwen/Qwen3-30B-A3B'],
    default: 'meta-llama/Llama-3.1-8B-Instruct',
  },
} as const satisfies CellInputs;

export function compute({ model }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const { speed } = prepare({
    spec: bench.model(model),
    hardware: bench.hardware('h100-sxm-80gb'),
    parallelism: singleDevice,
    engine: 'none',
    workload: { contextTokens: 32_768, users: 1 },
  });
  const rows = [128, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768].map((prompt) => {
    const seconds = speed.prefillSeconds(prompt);
    return [prompt, seconds, prompt / seconds];
  });
  return {
    columns: [
      { name: 'prompt', unit: 'tokens' },
      { name: 'ttft', unit: 'seconds' },
      { name: 'rate', unit: 'rate' },
    ],
    rows,
    chart: { x: 'prompt', y: ['ttft'], xScale: 'log', yScale: 'log' },
  };
}
