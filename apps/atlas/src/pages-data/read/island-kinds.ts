/** The kinds of interactive pieces that assets.json may name. */
import { PlimsollError } from '@plimsoll/foundation';

export const islandKinds = ['ledger', 'blocks'] as const;
export type IslandKind = (typeof islandKinds)[number];

export function islandKindOf(name: string): IslandKind {
  const kind = islandKinds.find((known) => known === name);
  if (kind !== undefined) return kind;
  throw new PlimsollError({
    code: 'unknown-island',
    message: `"${name}" is no interactive piece`,
    value: name,
    limit: islandKinds.join(', '),
  });
}
