/**
 * The ledger: the one list of bytes that planner, engine, simulator, trainer and atlas all write, so that a plan can be
 * compared entry by entry with what really was allocated. An entry is what one device (or the host) holds for one
 * purpose; it carries how its bytes came about.
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

/** Where the bytes live: one accelerator, or host memory. */
export type MemoryTier = 'device' | 'host';

/** How a number came about: readable, with this model's numbers in it, and where the formula is from. */
export interface Derivation {
  /** The formula in words: "2 x layers x kv heads x head dim x tokens x bytes". */
  readonly formula: string;
  /** The same with numbers: "2 x 32 x 8 x 128 x 131072 x 2". */
  readonly substituted: string;
  /** Paper, engine source file, spec section or registry record. */
  readonly source: string;
  /** Present when a constant was fitted to logs: which ones. */
  readonly fitted?: string;
}

export interface LedgerEntry {
  readonly category: LedgerCategory;
  /** What inside the category: `attention`, `experts`, `embeddings`, `full-attention layers`. */
  readonly tag: string;
  readonly tier: MemoryTier;
  /** Bytes on ONE device of the tensor-parallel group (the fullest one), or on the host. */
  readonly bytes: Bytes;
  readonly derivation: Derivation;
}

export interface Ledger {
  readonly entries: readonly LedgerEntry[];
}

/** Sum of the entries that match; no filter sums everything on the device. */
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

/** One line per tag that differs between a plan and what was allocated; empty when they agree to the byte. */
export interface LedgerDifference {
  readonly category: LedgerCategory;
  readonly tag: string;
  readonly tier: MemoryTier;
  readonly planned: Bytes;
  readonly actual: Bytes;
}

/** Compares two ledgers by (category, tag, tier). An entry that one side lacks counts as zero bytes there. */
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

/** "weights/attention (device): planned 1.00 GiB, actual 1.25 GiB". */
export function formatDifference(difference: LedgerDifference): string {
  const { category, tag, tier, planned, actual } = difference;
  return `${category}/${tag} (${tier}): planned ${formatBytes(planned)}, actual ${formatBytes(actual)}`;
}
