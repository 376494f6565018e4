/**
 * A step's way through the arenas. Operations are collected for one arena; where the next lie in another, the rows they
 * read are carried there. One walk runs what was collected before it goes on; the other keeps it, to be run many times.
 */
import { assert } from '@plimsoll/foundation';
import type { StepBufferName } from '@plimsoll/planner/engine-memory';
import type { ArenaLayout } from './arena-layout.ts';
import type { OperationList } from './operation-list.ts';

/** Work that yields where it may be interrupted. */
export type Turn<Result> = Generator<void, Result, void>;

/** The first numbers of a step buffer. */
export interface Carried {
  readonly buffer: StepBufferName;
  readonly count: number;
}

export interface Walk {
  /** Where operations are collected at present. */
  readonly list: OperationList;
  /** Goes on in that arena, with these rows; stays where that is the present one. */
  moveTo(arena: number, carried: readonly Carried[]): Turn<void>;
  /** Runs what was collected, so that the host can see what it wrote. */
  settle(): Turn<void>;
  /** The memory of an arena. */
  buffer(arena: number): ArrayBufferLike;
}

export interface WalkPlace {
  /** Where the step begins. */
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

/** One arena's part of a walk that is kept. */
export interface Stretch {
  readonly list: OperationList;
  /** From the stretch before. */
  readonly carried: readonly Carried[];
}

/** Of a step of which nothing depends on what its operations find. It never waits. */
export class KeptWalk implements Walk {
  readonly stretches: Stretch[];
  list: OperationList;
  readonly #place: WalkPlace;

  constructor(place: WalkPlace) {
    this.list = place.list;
    this.stretches = [{ list: place.list, carried: [] }];
    this.#place = place;
  }

  *moveTo(arena: number, carried: readonly Carried[]): Turn<void> {
    if (arena === this.list.layout.arena) return;
    this.list = this.#place.listAt(arena);
    this.stretches.push({ list: this.list, carried });
    yield* [];
  }

  *settle(): Turn<void> {
    assert(false, 'a step that is kept has nothing for the host to see');
    yield* [];
  }

  buffer(arena: number): ArrayBufferLike {
    return this.#place.buffer(arena);
  }
}
