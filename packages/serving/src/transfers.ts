/**
 * What the engine has to move before a step's forward pass. Transfers are done one after the other, in list order: a
 * block that one transfer reads may be written by a later one, never by an earlier one.
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
