/** The state a page's ledger starts with: `defaults` of its asset, under the names an address has. */
import { PlimsollError } from '@plimsoll/foundation';
import { addressNames, exampleState, type PlannerState, readState } from './state.ts';

export function plannerDefaults(defaults: Readonly<Record<string, unknown>>): PlannerState {
  const unknown = Object.keys(defaults).filter((name) => !addressNames.includes(name));
  const query = new URLSearchParams(Object.entries(defaults).map(([name, value]) => [name, String(value)]));
  const { state, notes } = readState(query.toString(), exampleState);
  const wrong = [...unknown, ...notes.map(({ key, value }) => `${key}: ${value}`)];
  if (wrong.length === 0) return state;
  throw new PlimsollError({
    code: 'bad-island-defaults',
    message: `a ledger cannot start with ${wrong.join(', ')}`,
    value: wrong.join(', '),
    limit: addressNames.join(', '),
  });
}
