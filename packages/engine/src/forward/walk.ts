/**
 * A step's way through the arenas. A walk collects operations for one arena. If the next operations are in another
 * arena, it copies the rows that they read to that arena. RunningWalk runs the collected operations before it moves on;
 * KeptWalk keeps them, so that later steps run them again.
 */
import { assert } from '@plimsoll/foundation';
import type { StepBufferName } from '@plimsoll/planner/engine-memory';
import type { ArenaLayout } from './arena-layout.ts';
import type { OperationList } from './operation-list.ts';

/** Work that yields where the caller may interrupt it. */
export type Turn<Result> = Generator<void, Result, void>;

/** The first `count` f32 values of a step buffer. */
export interface Carried {
  readonly buffer: StepBufferName;
  readonly count: number;
}

export interface Walk {
  /** The list that collects operations now. */
  readonly list: OperationList;
  /** Continues in `arena`, and copies the carried rows there. Does nothing if the walk is in that arena already. */
  moveTo(arena: number, carried: readonly Carried[]): Turn<void>;
  /** Runs the collected operations, so that the host can read their results. */
  settle(): Turn<void>;
  /** The memory of an arena. */
  buffer(arena: number): ArrayBufferLike;
}

export interface WalkPlace {
  /** The first list of the step. */
  readonly list: OperationList;
  /** An empty list for the same step. */
  listAt(arena: number): OperationList;
  buffer(arena: number): ArrayBufferLike;
}

/** Copies rows from one arena to the next. */
export function carry(
  carried: readonly Carried[],
  from: ArenaLayout,
  to: ArenaLayout,
  buffer: (arena: number) => ArrayBufferLike,
): void {
  for (const { buffer: name, count } of carried) {
    const source = new Float32Array(buffer(from.arena), from.buffers[name], count);
    new Float32Array(buffer(to.arena), to.buffers[name], count).set(source);
  }
}

export class RunningWalk implements Walk {
  list: OperationList;
  readonly #place: WalkPlace;
  readonly #run: (list: OperationList) => Turn<void>;

  constructor(place: WalkPlace, run: (list: OperationList) => Turn<void>) {
    this.list = place.list;
    this.#place = place;
    this.#run = run;
  }

  *moveTo(arena: number, carried: readonly Carried[]): Turn<void> {
    const { layout } = this.list;
    if (arena === layout.arena) return;
    yield* this.settle();
    this.list = this.#place.listAt(arena);
    carry(carried, layout, this.list.layout, (index) => this.buffer(index));
  }

  *settle(): Turn<void> {
    yield* this.#run(this.list);
    this.list = this.#place.listAt(this.list.layout.arena);
  }

  buffer(arena: number): ArrayBufferLike {
    return this.#place.buffer(arena);
  }
}

/** The part of a kept walk in one arena. */
export interface Stretch {
  readonly list: OperationList;
  /** Rows that the walk copies from the arena of the previous stretch. */
  readonly carried: readonly Carried[];
  /** The layer whose output the host reads after the stretch; null = none. */
  captured: number | null;
}

/** Keeps the operations of a step in which the host computes nothing. It never yields. */
export class KeptWalk implements Walk {
  readonly stretches: Stretch[];
  list: OperationList;
  readonly #place: WalkPlace;

  constructor(place: WalkPlace) {
    this.list = place.list;
    this.stretches = [{ list: place.list, carried: [], captured: null }];
    this.#place = place;
  }

  *moveTo(arena: number, carried: readonly Carried[]): Turn<void> {
    if (arena === this.list.layout.arena) return;
    this.list = this.#place.listAt(arena);
    this.stretches.push({ list: this.list, carried, captured: null });
    yield* [];
  }

  /** Ends the stretch after a layer, so that the host can read the layer's output. */
  endLayer(layer: number): void {
    const last = this.stretches.at(-1);
    assert(last !== undefined, 'a walk has a stretch');
    last.captured = layer;
    this.list = this.#place.listAt(this.list.layout.arena);
    this.stretches.push({ list: this.list, carried: [], captured: null });
  }

  *settle(): Turn<void> {
    assert(false, 'a step that is kept has nothing for the host to see');
    yield* [];
  }

  buffer(arena: number): ArrayBufferLike {
    return this.#place.buffer(arena);
  }
}
