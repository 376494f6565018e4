/**
 * Copies that the engine performs before a step's forward pass, one after the other, in list order: a later transfer
 * may write a block that an earlier transfer reads, never the reverse.
 */
import type { BlockId, StateSlotId } from './ids.ts';

export interface BlockTransfer {
  /** copy-on-write: device to device. spill: device to host. restore: host to device. */
  readonly kind: 'copy-on-write' | 'spill' | 'restore';
  /** Index of the cache group in the config. */
  readonly group: number;
  readonly from: BlockId;
  readonly to: BlockId;
}

export interface StateTransfer {
  /** fork: device to device. spill: device to host. restore: host to device. */
  readonly kind: 'fork' | 'spill' | 'restore';
  readonly from: StateSlotId;
  readonly to: StateSlotId;
}

/** Collects transfers in order. An operation that fails adds none. */
export interface Transfers {
  readonly blocks: BlockTransfer[];
  readonly states: StateTransfer[];
}

export function noTransfers(): Transfers {
  return { blocks: [], states: [] };
}
