import { prepare, singleDevice, solve, usersMax } from '@plimsoll/planner';
import type { HardwareRecord } from '@plimsoll/registry';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';
import type { Workbench } from '../../../../../workbench/workbench.ts';

export const inputs = {
  factor: { kind: 'number', min: 1.1, max: 4, step: 0.1, default: 2 },
  context: { kind: 'number', min: 512, max: 65_536, default: 8192 },
  users: { kind: 'number', min: 1, max: 256, default: 16 },
} as const satisfies CellInputs;

/** The same card with more of one thing. */
const better: Readonly<Record<string, (card: HardwareRecord, factor: number) => HardwareRecord>> = {
  asItIs: (card) => card,
  memory: (card, factor) => ({
    ...card,
    memory: { ...card.memory, usableBytes: card.memory.usableBytes * factor },
  }),
  bandwidth: (card, factor) => ({
    ...card,
    memory: { ...card.memory, bandwidthBytesPerSecond: card.memory.bandwidthBytesPerSecond * factor },
  }),
  arithmetic: (card, factor) => ({
    ...card,
    rates: Object.fromEntries(Object.entries(card.rates).map(([type, rate = 0]) => [type, rate * factor])),
  }),
};

export function compute({ factor, context, users }: CellValues<typeof inputs>, bench: Workbench): CellOutput {
  const rows = Object.entries(better).map(([change, apply]) => {
    const deployment = prepare({
      spec: bench.model('meta-llama/Llama-3.1-8B-Instruct'),
      hardware: apply(bench.hardware('h100-sxm-80gb'), factor),
      parallelism: singleDevice,
      engine: 'none',
      workload: { contextTokens: context, users },
    });
    const point = solve(deployment, { contextTokens: context, users });
    return [
      change,
      usersMax(deployment, context),
      point.ttftSeconds,
      point.tpotSeconds,
      point.tokensPerSecond,
    ];
  });
  return {
    columns: [
      { name: 'change', unit: 'text' },
      { name: 'users', unit: 'count' },
      { name: 'ttft', unit: 'seconds' },
      { name: 'tpot', unit: 'seconds' },
      { name: 'throughput', unit: 'rate' },
    ],
    rows,
  };
}
