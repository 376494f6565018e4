/** The parts of a small step whose operations are prepared once and kept. */
import type { Program } from '@plimsoll/kernels';
import type { ArenaLayout } from './arena-layout.ts';
import type { DraftStates } from './draft-operations.ts';
import type { Carried } from './walk.ts';

/** A kind of step: the layers whose output is captured, and the states that a draft begins with. */
export interface StepKind {
  readonly layers: ReadonlySet<number>;
  readonly states: DraftStates['kind'] | null;
}

export const noLayers: ReadonlySet<number> = new Set();

/**
 * The part of a step that one arena computes up to the next captured layer, and the rows that it needs from the previous
 * segment.
 */
export interface Segment {
  readonly layout: ArenaLayout;
  readonly carried: readonly Carried[];
  /** The layer whose output a capture reads after the segment; null = none. */
  readonly captured: number | null;
  /** One program per turn; null if nothing fits into the turn of the previous segment. */
  readonly programs: readonly (Program | null)[];
}
