/**
 * What a graph's tensors take on each backend: ggml-alloc's walk over the nodes in order. A tensor is cut from its
 * backend's arena just before it is computed, may take over the memory of a source that nobody needs any more, and is
 * freed when its last user has run (ggml-alloc.c, ggml_gallocr_alloc_graph_impl).
 */
import { Arena } from './arena.ts';
import type { AllocationStep, Schedule, ScheduledSource } from './backend-schedule.ts';
import type { GraphBuilder, GraphTensor } from './graph-tensor.ts';

export interface GraphMemoryOptions {
  /** Bytes to which each backend aligns a tensor. */
  readonly alignments: readonly number[];
  /** Bytes a backend takes for a tensor; more than its elements where kernels keep scratch behind the result. */
  readonly allocationBytes: (tensor: GraphTensor, backend: number) => number;
}

interface TensorState {
  children: number;
  views: number;
  /** Null while it has no memory of the graph's. */
  place: { backend: number; offset: number } | null;
}

/** Bytes per backend, in the order of the schedule's backends. */
export function graphMemory(
  graph: GraphBuilder,
  schedule: Schedule,
  options: GraphMemoryOptions,
): readonly number[] {
  const walk = new AllocationWalk(schedule, options);
  walk.count(schedule.steps);
  for (const copy of schedule.permanentCopies) walk.allocate(copy, copy.backend);
  for (const leaf of graph.leafs) walk.allocate(leaf, schedule.backendOf(leaf));
  for (const step of schedule.steps) walk.step(step);
  return walk.extents();
}

class AllocationWalk {
  readonly #schedule: Schedule;
  readonly #options: GraphMemoryOptions;
  readonly #arenas: readonly Arena[];
  readonly #states = new Map<ScheduledSource, TensorState>();

  constructor(schedule: Schedule, options: GraphMemoryOptions) {
    this.#schedule = schedule;
    this.#options = options;
    this.#arenas = options.alignments.map((alignment) => new Arena(alignment));
  }

  /** First pass: how often each tensor is used and viewed. A copy step uses its source once. */
  count(steps: readonly AllocationStep[]): void {
    for (const step of steps) {
      if (step.kind === 'copy') {
        this.#state(step.copy.copyOf).children++;
        continue;
      }
      const { viewOf } = step.tensor;
      if (viewOf !== null) this.#state(viewOf).views++;
      for (const source of step.sources) this.#state(source).children++;
    }
  }

  step(step: AllocationStep): void {
    if (step.kind === 'copy') {
      this.allocate(step.copy, step.copy.backend);
      this.#release(step.copy.copyOf);
      return;
    }
    const { tensor, sources, backend } = step;
    if (!this.#takeOver(tensor, sources)) this.allocate(tensor, backend);
    for (const source of sources) this.#release(source);
  }

  allocate(tensor: ScheduledSource, backend: number): void {
    const state = this.#state(tensor);
    if (state.place !== null || !needsMemory(tensor)) return;
    const arena = this.#arenas[backend];
    if (arena !== undefined) {
      state.place = { backend, offset: arena.allocate(this.#bytes(tensor, backend)) };
    }
  }

  extents(): readonly number[] {
    return this.#arenas.map((arena) => arena.extent);
  }

  /** The first source that only this tensor still uses, has memory of its own and has the same layout. */
  #takeOver(tensor: GraphTensor, sources: readonly ScheduledSource[]): boolean {
    if (tensor.operation !== 'in-place' && tensor.operation !== 'rope') return false;
    for (const source of sources) {
      const state = this.#state(source);
      if (state.place === null || state.children !== 1 || state.views !== 0) continue;
      if (this.#isPermanent(source) || layoutOf(source) !== tensor.layout) continue;
      this.#state(tensor).place = state.place;
      state.place = null;
      return true;
    }
    return false;
  }

  #release(source: ScheduledSource): void {
    const state = this.#state(source);
    state.children--;
    if (state.children > 0 || state.views > 0) return;
    const viewOf = 'copyOf' in source ? null : source.viewOf;
    if (viewOf === null) {
      this.#free(source, state);
      return;
    }
    const viewed = this.#state(viewOf);
    viewed.views--;
    if (viewed.views === 0 && viewed.children === 0) this.#free(viewOf, viewed);
  }

  #free(tensor: ScheduledSource, state: TensorState): void {
    if (state.place === null || this.#isPermanent(tensor)) return;
    const { backend, offset } = state.place;
    this.#arenas[backend]?.free(offset, this.#bytes(tensor, backend));
    state.place = null;
  }

  /** With pipeline parallelism inputs and copies must outlive the graph. */
  #isPermanent(tensor: ScheduledSource): boolean {
    return this.#schedule.options.inputCopies > 1 && ('copyOf' in tensor || tensor.isInput);
  }

  #bytes(tensor: ScheduledSource, backend: number): number {
    return 'copyOf' in tensor ? tensor.bytes : this.#options.allocationBytes(tensor, backend);
  }

  #state(tensor: ScheduledSource): TensorState {
    let state = this.#states.get(tensor);
    if (state === undefined) {
      state = { children: 0, views: 0, place: null };
      this.#states.set(tensor, state);
    }
    return state;
  }
}

function needsMemory(tensor: ScheduledSource): boolean {
  return 'copyOf' in tensor || (tensor.viewOf === null && tensor.residence === null);
}

function layoutOf(source: ScheduledSource): string {
  return 'copyOf' in source ? source.copyOf.layout : source.layout;
}
