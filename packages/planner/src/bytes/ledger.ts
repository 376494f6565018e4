/**
 * The ledger: the list of bytes that planner, engine, simulator, trainer and atlas all use, so that a plan can be
 * compared with the real allocations entry by entry. An entry counts the bytes that one device (or the host) holds for
 * one purpose, and carries their derivation.
 */
import { assert, type Bytes, bytes, formatBytes } from '@plimsoll/foundation';

export type LedgerCategory =
  | 'weights'
  | 'kv-cache'
  | 'state' // recurrent and convolution state of SSM and linear-attention layers
  | 'activations' // live tensors of one forward pass at the largest batch
  | 'workspace' // library buffers: NCCL, cuBLAS, attention scratch, llama.cpp compute buffers
  | 'draft' // a draft model: its weights and its own cache
  | 'features' // hidden states kept for draft training
  | 'runtime' // driver context, CUDA graphs, allocator overhead
  | 'headroom'; // left free on purpose

/** The memory that holds the bytes: one accelerator, or the host. */
export type MemoryTier = 'device' | 'host';

/** The derivation of a number, for a reader: the formula, the formula with this model's numbers, and its source. */
export interface Derivation {
  /** The formula in words: "2 x layers x kv heads x head dim x tokens x bytes". */
  readonly formula: string;
  /** The formula with numbers: "2 x 32 x 8 x 128 x 131072 x 2". */
  readonly substituted: string;
  /** Paper, engine source file, spec section or registry record. */
  readonly source: string;
  /** The logs to which a constant of the formula was fitted; undefined if no constant was fitted. */
  readonly fitted?: string;
}

export interface LedgerEntry {
  readonly category: LedgerCategory;
  /** Part of the category: `attention`, `experts`, `embeddings`, `full-attention layers`. */
  readonly tag: string;
  readonly tier: MemoryTier;
  /** Bytes on ONE device, the fullest of the tensor-parallel group, or on the host. */
  readonly bytes: Bytes;
  readonly derivation: Derivation;
}

export interface Ledger {
  readonly entries: readonly LedgerEntry[];
}

/** Sums the entries that match; without a filter, all entries on the device. Asserts that no entry is negative. */
export function ledgerBytes(
  ledger: Ledger,
  {
    category,
    tag,
    tier = 'device',
  }: { readonly category?: LedgerCategory; readonly tag?: string; readonly tier?: MemoryTier } = {},
): Bytes {
  let total = 0;
  for (const entry of ledger.entries) {
    assert(entry.bytes >= 0, `ledger entry ${entry.category}/${entry.tag} is negative: ${entry.bytes}`);
    const isMeant =
      entry.tier === tier &&
      (category === undefined || entry.category === category) &&
      (tag === undefined || entry.tag === tag);
    if (isMeant) total += entry.bytes;
  }
  return bytes(total);
}

/** A tag whose bytes differ between a plan and the allocations. */
export interface LedgerDifference {
  readonly category: LedgerCategory;
  readonly tag: string;
  readonly tier: MemoryTier;
  readonly planned: Bytes;
  readonly actual: Bytes;
}

/**
 * Compares two ledgers by (category, tag, tier); the result is empty if they agree to the byte. An entry that one side
 * lacks counts as zero bytes there.
 */
export function diffLedgers(planned: Ledger, actual: Ledger): readonly LedgerDifference[] {
  const sums = new Map<string, { entry: LedgerEntry; planned: number; actual: number }>();
  const add = (ledger: Ledger, side: 'planned' | 'actual'): void => {
    for (const entry of ledger.entries) {
      const key = `${entry.category}\n${entry.tag}\n${entry.tier}`;
      const sum = sums.get(key) ?? { entry, planned: 0, actual: 0 };
      sum[side] += entry.bytes;
      sums.set(key, sum);
    }
  };
  add(planned, 'planned');
  add(actual, 'actual');
  return [...sums.values()]
    .filter((sum) => sum.planned !== sum.actual)
    .map(({ entry, ...sum }) => ({
      category: entry.category,
      tag: entry.tag,
      tier: entry.tier,
      planned: bytes(sum.planned),
      actual: bytes(sum.actual),
    }));
}

/** Formats "weights/attention (device): planned 1.00 GiB, actual 1.25 GiB". */
export function formatDifference(difference: LedgerDifference): string {
  const { category, tag, tier, planned, actual } = difference;
  return `${category}/${tag} (${tier}): planned ${formatBytes(planned)}, actual ${formatBytes(actual)}`;
}
