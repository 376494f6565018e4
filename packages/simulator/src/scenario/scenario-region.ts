/** The grid of the region that a scenario names. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Scenario } from './scenario-schema.ts';

interface Region {
  readonly id: string;
  readonly gramsPerKwh: number;
}

/** Returns the grams of CO2 equivalent per kWh; null if the scenario names no region. Throws `unknown-region`. */
export function gridOf({ energy: { region } }: Scenario, regions: readonly Region[]): number | null {
  if (region === undefined) return null;
  const found = regions.find(({ id }) => id === region);
  if (found !== undefined) return found.gramsPerKwh;
  throw new PlimsollError({
    code: 'unknown-region',
    message: `the registry has no region ${region}`,
    value: region,
    limit: regions.map(({ id }) => id).join(', '),
    hint: 'plimsoll solve placement lists regions with their grids',
  });
}
