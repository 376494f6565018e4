/** The grid of the region that a scenario names. */
import { PlimsollError } from '@plimsoll/foundation';
import data from '@plimsoll/registry/regions' with { type: 'json' };
import type { Scenario } from '@plimsoll/simulator/scenario';

/** Returns the grams of CO2 equivalent per kWh; null if the scenario names no region. Throws `unknown-region`. */
export function gridOf({ energy }: Scenario): number | null {
  const { region } = energy;
  if (region === undefined) return null;
  const found = data.regions.find(({ id }) => id === region);
  if (found !== undefined) return found.gramsPerKwh;
  throw new PlimsollError({
    code: 'unknown-region',
    message: `the registry has no region ${region}`,
    value: region,
    limit: data.regions.map(({ id }) => id).join(', '),
    hint: 'plimsoll solve placement lists regions with their grids',
  });
}
