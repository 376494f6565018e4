/**
 * Which backend runs each operation, and what must be copied between them: the passes of ggml-backend.cpp
 * (ggml_backend_sched_split_graph). Operations follow their weights and caches; the rest joins its neighbours, GPUs
 * first; a source that lies in memory its user cannot read is copied to the user's memory at the start of the split.
 */
import { defined } from '@plimsoll/foundation';
import { type GraphBuilder, type GraphTensor, runsNothing } from './graph-tensor.ts';

export interface ScheduleOptions {
  /** Backends in order of priority; the last is the CPU. */
  readonly backends: number;
  /** GPUs take over operations on large batches whose weights are in host memory, copying the weights. */
  readonly offloadsHostWeights: boolean;
  /** Copies of every input that pipeline parallelism keeps; 1 without it. */
  readonly inputCopies: number;
}

/** One step of allocation: a node to run, or a copy to make, or a reminder that a source is still needed. */
export type AllocationStep =
  | {
      readonly kind: 'run';
      readonly tensor: GraphTensor;
      readonly sources: readonly ScheduledSource[];
      readonly backend: number;
    }
  | { readonly kind: 'copy'; readonly copy: InputCopy };

/** A tensor, or a copy of it on another backend. */
export type ScheduledSource = GraphTensor | InputCopy;

export interface InputCopy {
  readonly copyOf: GraphTensor;
  readonly backend: number;
  readonly bytes: number;
}

export interface Schedule {
  readonly steps: readonly AllocationStep[];
  readonly backendOf: (tensor: GraphTensor) => number;
  /** Copies that live for the whole graph, because another batch may still be using them. */
  readonly permanentCopies: readonly InputCopy[];
  readonly options: ScheduleOptions;
}

/** Batches below this are not worth copying weights for (ggml backends, op_offload_min_batch_size). */
const offloadBatchMin = 32;

export function scheduleGraph(graph: GraphBuilder, options: ScheduleOptions): Schedule {
  const assignment = assignBackends(graph, options);
  const backendOf = (tensor: GraphTensor): number =>
    defined(assignment.get(tensor), `tensor ${tensor.id} has no backend`);
  const { steps, copies } = splitGraph(graph, backendOf);
  const permanentCopies: InputCopy[] = [];
  if (options.inputCopies > 1) {
    const used = new Set(graph.nodes.flatMap((node) => node.sources));
    for (const leaf of graph.leafs) {
      if (leaf.isInput && used.has(leaf))
        permanentCopies.push(...repeat(copyOf(leaf, backendOf(leaf)), options.inputCopies - 1));
    }
    for (const copy of copies) permanentCopies.push(copy, ...repeat(copy, options.inputCopies - 1));
  }
  return { steps, backendOf, permanentCopies, options };
}

function repeat(copy: InputCopy, count: number): InputCopy[] {
  return Array.from({ length: count }, () => ({ ...copy }));
}

type Assignment = Map<GraphTensor, number>;

function assignBackends(graph: GraphBuilder, options: ScheduleOptions): Assignment {
  const assignment: Assignment = new Map();
  for (const tensor of [...graph.leafs, ...graph.nodes]) {
    const backend = backendByPlace(tensor, options);
    if (backend !== null) assignment.set(tensor, backend);
  }
  const cpu = options.backends - 1;
  const running = graph.nodes.filter((node) => !runsNothing(node));
  const backwards = [...running].reverse();
  expandAssignment(running, assignment, cpu);
  expandAssignment(backwards, assignment, cpu);
  expandAssignment(running, assignment, null);
  expandAssignment(backwards, assignment, null);
  for (const node of graph.nodes) assignSources(node, assignment);
  return assignment;
}

/** Where a tensor must be because of memory that exists: its own, that of the viewed tensor, or that of a weight. */
function backendByPlace(tensor: GraphTensor, options: ScheduleOptions): number | null {
  if (tensor.pinnedTo !== null) return tensor.pinnedTo;
  const residence = tensor.residence ?? tensor.viewOf?.residence ?? null;
  if (residence !== null) return residence.backend;
  const cpu = options.backends - 1;
  if (tensor.isInput) return cpu;
  if (tensor.operation === 'rope' || tensor.operation === 'flash-attention') return null;
  const weight = tensor.sources.find((source) => source.residence?.kind === 'weight')?.residence;
  if (weight === undefined || weight === null) return null;
  if (weight.backend === cpu && cpu > 0 && options.offloadsHostWeights && offloads(tensor)) return 0;
  return weight.backend;
}

function offloads({ operation, shape }: GraphTensor): boolean {
  if (operation === 'get-rows') return false;
  if (operation === 'multiply') return shape[1] >= offloadBatchMin;
  if (operation === 'multiply-experts') return shape[2] >= offloadBatchMin;
  return shape[1] * shape[2] * shape[3] >= offloadBatchMin;
}

/** Gives nodes without a backend that of the node before them; nodes on `barrier` pass nothing on. */
function expandAssignment(
  nodes: readonly GraphTensor[],
  assignment: Assignment,
  barrier: number | null,
): void {
  let current: number | null = null;
  for (const node of nodes) {
    const backend = assignment.get(node);
    if (backend !== undefined) current = backend === barrier ? null : backend;
    else if (current !== null) assignment.set(node, current);
  }
}

function assignSources(node: GraphTensor, assignment: Assignment): void {
  if (node.viewOf !== null && !assignment.has(node)) {
    const backend = assignment.get(node.viewOf);
    if (backend !== undefined) assignment.set(node, backend);
  }
  for (const source of node.sources) {
    if (assignment.has(source)) continue;
    const from = source.viewOf === null ? assignment.get(node) : assignment.get(source.viewOf);
    if (from !== undefined) assignment.set(source, from);
  }
  if (!assignment.has(node)) assignment.set(node, 0);
}

interface SplitGraph {
  readonly steps: readonly AllocationStep[];
  readonly copies: readonly InputCopy[];
}

function splitGraph(graph: GraphBuilder, backendOf: (tensor: GraphTensor) => number): SplitGraph {
  const splits = new SplitWriter();
  const known = new Map<string, InputCopy>();
  for (const node of graph.nodes) {
    if (runsNothing(node)) {
      splits.run(node, node.sources, backendOf(node));
      continue;
    }
    const backend = backendOf(node);
    splits.enter(
      backend,
      node.sources.some((source) => isForeignWeight(source, backend)),
    );
    const sources = node.sources.map((source): ScheduledSource => {
      if (backendOf(source) === backend) return source;
      const key = `${source.id} on ${backend}`;
      const copy = known.get(key) ?? copyOf(source, backend);
      if (!known.has(key)) {
        known.set(key, copy);
        splits.copyIn(copy);
      }
      return copy;
    });
    splits.run(node, sources, backend);
  }
  return { steps: splits.finish(), copies: [...known.values()] };
}

function isForeignWeight(source: GraphTensor, backend: number): boolean {
  return source.residence?.kind === 'weight' && source.residence.backend !== backend;
}

function copyOf(tensor: GraphTensor, backend: number): InputCopy {
  return { copyOf: tensor, backend, bytes: tensor.bytes };
}

/** Collects splits: runs of nodes on one backend, the copies they need standing in front of them. */
class SplitWriter {
  readonly #steps: AllocationStep[] = [];
  #copies: AllocationStep[] = [];
  #runs: AllocationStep[] = [];
  #backend: number | null = null;

  /** Starts a split when the backend changes, or when another weight would have to be kept beside copied ones. */
  enter(backend: number, needsForeignWeight: boolean): void {
    const sameBackend = this.#backend === backend || this.#backend === null;
    if (!sameBackend || (this.#copies.length > 0 && needsForeignWeight)) this.#close();
    this.#backend = backend;
  }

  copyIn(copy: InputCopy): void {
    this.#copies.push({ kind: 'copy', copy });
  }

  run(tensor: GraphTensor, sources: readonly ScheduledSource[], backend: number): void {
    this.#runs.push({ kind: 'run', tensor, sources, backend });
  }

  finish(): readonly AllocationStep[] {
    this.#close();
    return this.#steps;
  }

  #close(): void {
    this.#steps.push(...this.#copies, ...this.#runs);
    this.#copies = [];
    this.#runs = [];
  }
}
