/** A plan's ledger as the load line draws it: categories in one order, what is free, and where the capacity lies. */
import type { Plan } from '@plimsoll/planner';
import type { LedgerCategory, LedgerEntry } from '@plimsoll/planner/ledger';

/** The parts that a reader tells apart. Ledger categories that mean the same to a reader are one part. */
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
  /** From the bottom up: the fixed parts, the users' part, the free part, and the reserve. */
  readonly parts: readonly LoadPart[];
  /** Parts on the host, for an engine that keeps data there. */
  readonly hostEntries: readonly LedgerEntry[];
  readonly hostBytes: number;
  readonly capacityBytes: number;
  /** The sum of all parts. It is above the capacity if the plan does not fit. */
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
