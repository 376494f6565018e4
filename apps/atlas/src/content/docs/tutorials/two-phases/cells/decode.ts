import { plan, singleDevice } from '@plimsoll/planner';
import { ledgerBytes } from '@plimsoll/planner/ledger';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  users: { kind: 'number', min: 1, max: 8, default: 1 },
} as const satisfies CellInputs;

export function compute({ users }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const rows = [512, 2048, 8192, 32_768, 131_072].map((contextTokens) => {
    const { ledger, speed, fits } = plan({
      spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
      hardware: bench.hardware('h100-sxm-80gb'),
      parallelism: singleDevice,
      engine: 'none',
      workload: { contextTokens, users },
    });
    // One step reads every cached key and value once, and every weight but the table of input embeddings.
    const weightBytes = ledger.entries
      .filter(({ category, tag }) => category === 'weights' && tag !== 'embeddings')
      .reduce((sum, { bytes }) => sum + bytes, 0);
    const cacheBytes = ledgerBytes(ledger, { category: 'kv-cache' });
    return [contextTokens, weightBytes, cacheBytes, speed.tpotSeconds, 1 / speed.tpotSeconds, fits];
  });
  return {
    columns: [
      { name: 'context', unit: 'tokens' },
      { name: 'weights', unit: 'bytes' },
      { name: 'cache', unit: 'bytes' },
      { name: 'tpot', unit: 'seconds' },
      { name: 'rate', unit: 'rate' },
      { name: 'fits', unit: 'text' },
    ],
    rows,
    chart: { x: 'context', y: ['tpot'], xScale: 'log', yScale: 'log' },
  };
}
