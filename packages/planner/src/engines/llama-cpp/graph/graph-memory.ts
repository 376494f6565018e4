/**
 * Sizes the tensors of a graph on each backend: the walk of ggml-alloc over the nodes. A tensor is allocated in the arena of
 * its backend just before its computation, may take over the memory of a source without further users, and is freed after
 * its last user (ggml-alloc.c, ggml_gallocr_alloc_graph_impl).
 */
import { Arena } from './arena.ts';
import type { AllocationStep, Schedule } from './backend-schedule.ts';
import { type GraphBuilder, type GraphTensor, haveOneLayout } from './graph-tensor.ts';

export interface GraphMemoryOptions {
  /** Bytes to which each backend aligns a tensor. */
  readonly alignments: readonly number[];
  /** Bytes that a backend allocates for a tensor; some kernels need scratch space behind the result. */
  readonly allocationBytes: (tensor: GraphTensor, backend: number) => number;
}

/** Bytes per backend, in the order of the schedule's backends. */
export function graphMemory(
  graph: GraphBuilder,
  schedule: Schedule,
  options: GraphMemoryOptions,
): readonly number[] {
  const walk = new AllocationWalk(graph.size, schedule, options);
  walk.count(schedule.steps);
  for (const { copy, backend } of schedule.permanentCopies) walk.allocate(copy, backend);
  for (const leaf of graph.leafs) walk.allocate(leaf, schedule.backendOf(leaf));
  for (const step of schedule.steps) walk.step(step);
  return walk.extents();
}

/** Marks a tensor without memory in the graph. */
const nowhere = -1;

class AllocationWalk {
  readonly #options: GraphMemoryOptions;
  readonly #arenas: readonly Arena[];
  /** With pipeline parallelism inputs and copies must outlive the graph. */
  readonly #keepsInputs: boolean;
  // Indexed by tensor id: remaining uses, remaining views, backend and offset.
  readonly #children: Int32Array;
  readonly #views: Int32Array;
  readonly #backends: Int16Array;
  readonly #offsets: Float64Array;

  constructor(tensors: number, schedule: Schedule, options: GraphMemoryOptions) {
    this.#options = options;
    this.#arenas = options.alignments.map((alignment) => new Arena(alignment));
    this.#keepsInputs = schedule.options.inputCopies > 1;
    this.#children = new Int32Array(tensors);
    this.#views = new Int32Array(tensors);
    this.#backends = new Int16Array(tensors).fill(nowhere);
    this.#offsets = new Float64Array(tensors);
  }

  /** First pass: counts the uses and views of each tensor. A copy step uses its source once. */
  count(steps: readonly AllocationStep[]): void {
    for (const step of steps) {
      if (step.kind === 'copy') {
        add(this.#children, step.copyOf, 1);
        continue;
      }
      const { viewOf } = step.tensor;
      if (viewOf !== null) add(this.#views, viewOf, 1);
      for (const source of step.sources) add(this.#children, source, 1);
    }
  }

  step(step: AllocationStep): void {
    if (step.kind === 'copy') {
      this.allocate(step.copy, step.backend);
      this.#release(step.copyOf);
      return;
    }
    const { tensor, sources, backend } = step;
    if (!this.#takeOver(tensor, sources)) this.allocate(tensor, backend);
    for (const source of sources) this.#release(source);
  }

  allocate(tensor: GraphTensor, backend: number): void {
    if (this.#backends[tensor.id] !== nowhere || tensor.viewOf !== null || tensor.residence !== null) return;
    const arena = this.#arenas[backend];
    if (arena === undefined) return;
    this.#backends[tensor.id] = backend;
    this.#offsets[tensor.id] = arena.allocate(this.#options.allocationBytes(tensor, backend));
  }

  extents(): readonly number[] {
    return this.#arenas.map((arena) => arena.extent);
  }

  /** Takes over the first source that has its own memory, the same layout and no other user. */
  #takeOver(tensor: GraphTensor, sources: readonly GraphTensor[]): boolean {
    if (tensor.operation !== 'in-place' && tensor.operation !== 'rope') return false;
    for (const source of sources) {
      const backend = this.#backends[source.id] ?? nowhere;
      if (backend === nowhere || this.#children[source.id] !== 1 || this.#views[source.id] !== 0) continue;
      if (this.#isPermanent(source) || !haveOneLayout(source, tensor)) continue;
      this.#backends[tensor.id] = backend;
      this.#offsets[tensor.id] = this.#offsets[source.id] ?? 0;
      this.#backends[source.id] = nowhere;
      return true;
    }
    return false;
  }

  #release(source: GraphTensor): void {
    const children = add(this.#children, source, -1);
    if (children > 0 || (this.#views[source.id] ?? 0) > 0) return;
    const { viewOf } = source;
    if (viewOf === null) this.#free(source);
    else if (add(this.#views, viewOf, -1) === 0 && this.#children[viewOf.id] === 0) this.#free(viewOf);
  }

  #free(tensor: GraphTensor): void {
    const backend = this.#backends[tensor.id] ?? nowhere;
    if (backend === nowhere || this.#isPermanent(tensor)) return;
    const bytes = this.#options.allocationBytes(tensor, backend);
    this.#arenas[backend]?.free(this.#offsets[tensor.id] ?? 0, bytes);
    this.#backends[tensor.id] = nowhere;
  }

  #isPermanent(tensor: GraphTensor): boolean {
    return this.#keepsInputs && tensor.isInput;
  }
}

/** The count of a tensor after the change. */
function add(counts: Int32Array, { id }: GraphTensor, change: number): number {
  const count = (counts[id] ?? 0) + change;
  counts[id] = count;
  return count;
}
