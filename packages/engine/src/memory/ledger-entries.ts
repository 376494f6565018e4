/** Sums held bytes to ledger entries: by category, tag and tier, in order of first appearance. */
import { bytes, formatCount } from '@plimsoll/foundation';
import type { LedgerEntry } from '@plimsoll/planner/ledger';
import type { Purpose } from './memory-account.ts';

export interface Held extends Purpose {
  readonly bytes: number;
}

export function ledgerEntries(held: Iterable<Held>, source: string): readonly LedgerEntry[] {
  const sums = new Map<string, { purpose: Purpose; bytes: number; count: number }>();
  for (const { category, tag, tier, bytes: size } of held) {
    const key = `${category}\n${tag}\n${tier}`;
    const sum = sums.get(key) ?? { purpose: { category, tag, tier }, bytes: 0, count: 0 };
    sum.bytes += size;
    sum.count++;
    sums.set(key, sum);
  }
  return [...sums.values()]
    .filter((sum) => sum.bytes > 0)
    .map(({ purpose: { category, tag, tier }, bytes: size, count }) => ({
      category,
      tag,
      tier,
      bytes: bytes(size),
      derivation: { formula: 'sum of what is held', substituted: `${formatCount(count)} held`, source },
    }));
}
