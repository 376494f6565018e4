/**
 * Slots of recurrent state, the second resource besides blocks: one per running sequence, all of equal size, never
 * shared.
 */
import { assert } from '@plimsoll/foundation';
import { type StateSlotId, stateSlotId } from './ids.ts';

export class StateSlots {
  readonly slotCount: number;
  /** Taken from the end; ordered so that slot 0 is taken first. */
  readonly #free: StateSlotId[];
  readonly #owned: Uint8Array;

  constructor(slotCount: number) {
    this.slotCount = slotCount;
    this.#free = Array.from({ length: slotCount }, (_, index) => stateSlotId(slotCount - 1 - index));
    this.#owned = new Uint8Array(slotCount);
  }

  get freeCount(): number {
    return this.#free.length;
  }

  allocate(): StateSlotId | null {
    const slot = this.#free.pop();
    if (slot === undefined) return null;
    this.#owned[slot] = 1;
    return slot;
  }

  release(slot: StateSlotId): void {
    assert(this.#owned[slot] === 1, `state slot ${slot} is released and nobody owns it`);
    this.#owned[slot] = 0;
    this.#free.push(slot);
  }

  /** Recounts: the slots that sequences hold are distinct, and together with the free slots they are complete. */
  checkIntegrity(held: readonly StateSlotId[]): void {
    assert(new Set(held).size === held.length, `state slots ${held.join(', ')} are not distinct`);
    for (const slot of held) assert(this.#owned[slot] === 1, `state slot ${slot} is held and counts as free`);
    assert(
      held.length + this.#free.length === this.slotCount,
      `${held.length} held and ${this.#free.length} free state slots are not ${this.slotCount}`,
    );
  }
}
