/**
 * Numbers that must not be mixed up. A block id names one slot of `blockSize` tokens in one cache group, a slot id one
 * recurrent state, a sequence id one generation. The brands exist only in the type system.
 */
declare const kind: unique symbol;
type Id<Kind extends string> = number & { readonly [kind]: Kind };

export type BlockId = Id<'block'>;
export type StateSlotId = Id<'state-slot'>;
export type SequenceId = Id<'sequence'>;
export type PinId = Id<'pin'>;

export function blockId(value: number): BlockId {
  return value as BlockId;
}

export function stateSlotId(value: number): StateSlotId {
  return value as StateSlotId;
}

export function sequenceId(value: number): SequenceId {
  return value as SequenceId;
}

export function pinId(value: number): PinId {
  return value as PinId;
}
