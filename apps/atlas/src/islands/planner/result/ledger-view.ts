/** A plan's ledger as the load line draws it: categories in one order, what is free, and where the capacity lies. */
import type { LedgerCategory, LedgerEntry, Plan } from '@plimsoll/planner';

/** What a person tells apart; categories of the ledger that mean the same to them are one part. */
export type PartName =
  | 'weights'
  | 'draft'
  | 'activations'
  | 'workspace'
  | 'runtime'
  | 'kv-cache'
  | 'features'
  | 'free'
  | 'reserve';

export interface LoadPart {
  readonly name: PartName;
  readonly bytes: number;
  /** Share of the device's usable memory. */
  readonly share: number;
  /** Largest first; empty for what is free. */
  readonly entries: readonly LedgerEntry[];
}

export interface LoadView {
  /** From the keel up: what never moves, what users take, what is free, what is kept free. */
  readonly parts: readonly LoadPart[];
  /** On the host, for engines that keep something there. */
  readonly hostEntries: readonly LedgerEntry[];
  readonly hostBytes: number;
  readonly capacityBytes: number;
  /** All parts together; above the capacity when the plan does not fit. */
  readonly loadedBytes: number;
}

const partOf: Readonly<Record<LedgerCategory, PartName>> = {
  weights: 'weights',
  draft: 'draft',
  activations: 'activations',
  workspace: 'workspace',
  runtime: 'runtime',
  'kv-cache': 'kv-cache',
  state: 'kv-cache',
  features: 'features',
  headroom: 'reserve',
};

const order: readonly PartName[] = [
  'weights',
  'draft',
  'activations',
  'workspace',
  'runtime',
  'features',
  'kv-cache',
  'free',
  'reserve',
];

export function loadView(plan: Plan): LoadView {
  const capacityBytes = plan.hardware.usableBytes;
  const onDevice = plan.ledger.entries.filter(({ tier }) => tier === 'device');
  const hostEntries = plan.ledger.entries.filter(({ tier, bytes }) => tier === 'host' && bytes > 0);
  const parts = order.flatMap((name): LoadPart[] => {
    const entries = onDevice
      .filter(({ category, bytes }) => partOf[category] === name && bytes > 0)
      .sort((a, b) => b.bytes - a.bytes);
    const bytes = name === 'free' ? Math.max(0, plan.spareBytes) : total(entries);
    return bytes === 0 ? [] : [{ name, bytes, share: bytes / capacityBytes, entries }];
  });
  return {
    parts,
    hostEntries,
    hostBytes: total(hostEntries),
    capacityBytes,
    loadedBytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function total(entries: readonly LedgerEntry[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0);
}
