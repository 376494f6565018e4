import type { CellInputs, CellOutput } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {} as const satisfies CellInputs;

// One device of each generation.
const devices = ['v100-sxm-32gb', 'a100-sxm-80gb', 'h100-sxm-80gb', 'b200-sxm-180gb'];

export function compute(_values: unknown, bench: Workbench): CellOutput {
  const rows = devices.map((device) => {
    const { name, releaseYear, rates, memory } = bench.hardware(device);
    const operations = rates.bf16 ?? rates.fp16 ?? 0;
    const bandwidth = memory.bandwidthBytesPerSecond;
    return [name, String(releaseYear), operations, bandwidth, operations / bandwidth];
  });
  return {
    columns: [
      { name: 'device', unit: 'text' },
      { name: 'year', unit: 'text' },
      { name: 'operations', unit: 'operations' },
      { name: 'bandwidth', unit: 'bandwidth' },
      { name: 'balance', unit: 'ratio' },
    ],
    rows,
  };
}
