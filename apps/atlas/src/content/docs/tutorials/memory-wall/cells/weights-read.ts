import { plan, singleDevice } from '@plimsoll/planner';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  model: {
    kind: 'choice',
    options: ['meta-llama/Llama-3.1-8B-Instruct', 'Qwen/Qwen3-4B', 'mistralai/Mistral-7B-Instruct-v0.3'],
    default: 'meta-llama/Llama-3.1-8B-Instruct',
  },
} as const satisfies CellInputs;

const devices = ['l4-24gb', 'rtx-4090', 'a100-sxm-80gb', 'h100-sxm-80gb', 'h200-sxm-141gb'];

export function compute({ model }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const spec = bench.model(model);
  const rows = devices.map((device) => {
    const hardware = bench.hardware(device);
    const workload = { contextTokens: 1024, users: 1 };
    const answer = plan({ spec, hardware, parallelism: singleDevice, engine: 'none', workload });
    // A token's row of the embeddings is looked up; every other weight is read.
    const readBytes = answer.ledger.entries
      .filter(({ category, tag }) => category === 'weights' && (tag !== 'embeddings' || spec.tiedEmbeddings))
      .reduce((sum, { bytes }) => sum + bytes, 0);
    const bandwidth = hardware.memory.bandwidthBytesPerSecond;
    return [hardware.name, bandwidth, readBytes, readBytes / bandwidth, answer.speed.tpotSeconds];
  });
  return {
    columns: [
      { name: 'device', unit: 'text' },
      { name: 'bandwidth', unit: 'bandwidth' },
      { name: 'read', unit: 'bytes' },
      { name: 'floor', unit: 'seconds' },
      { name: 'estimate', unit: 'seconds' },
    ],
    rows,
  };
}
