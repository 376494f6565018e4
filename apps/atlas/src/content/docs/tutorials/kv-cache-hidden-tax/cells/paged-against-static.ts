import { runRace, usualRace } from '../../../../../allocation/race.ts';
import type { CellInputs, CellOutput, CellValues } from '../../../../../cells/cell.ts';

export const inputs = {
  seed: { kind: 'number', min: 1, max: 999, default: 7 },
  requests: { kind: 'number', min: 16, max: 64, default: 48 },
  sharedPercent: { kind: 'number', min: 0, max: 100, default: 50 },
} as const satisfies CellInputs;

export function compute({ seed, requests, sharedPercent }: CellValues<typeof inputs>): CellOutput {
  const race = { ...usualRace, seed, requestCount: requests, sharedShare: sharedPercent / 100 };
  const result = runRace(race);
  const rows = (['static', 'paged'] as const).map((way) => {
    const { running, usedShare, internalShare, externalShare, steps } = result[way];
    return [way, running, usedShare, internalShare, externalShare, steps];
  });
  return {
    columns: [
      { name: 'way', unit: 'text' },
      { name: 'running', unit: 'ratio' },
      { name: 'used', unit: 'share' },
      { name: 'internal', unit: 'share' },
      { name: 'external', unit: 'share' },
      { name: 'steps', unit: 'count' },
    ],
    rows,
  };
}
