/**
 * Assigns operations to backends and lists the copies between backends: the passes of ggml-backend.cpp
 * (ggml_backend_sched_split_graph). Operations follow their weights and caches, the others join their neighbours, GPUs
 * first. A split starts with copies of the sources that its backend cannot read.
 */
import { assert } from '@plimsoll/foundation';
import { type GraphBuilder, type GraphTensor, runsNothing } from './graph-tensor.ts';

export interface ScheduleOptions {
  /** Backends in order of priority; the last is the CPU. */
  readonly backends: number;
  /** True if GPUs copy weights from host memory and run the operation, for large batches. */
  readonly offloadsHostWeights: boolean;
  /** Copies of every input that pipeline parallelism keeps; 1 without it. */
  readonly inputCopies: number;
}

/** One step of allocation: a node to run, or a copy to make. */
export type AllocationStep =
  | {
      readonly kind: 'run';
      readonly tensor: GraphTensor;
      /** The sources of the node; a copy where its backend cannot read the source. */
      readonly sources: readonly GraphTensor[];
      readonly backend: number;
    }
  | ({ readonly kind: 'copy' } & InputCopy);

export interface InputCopy {
  readonly copyOf: GraphTensor;
  readonly copy: GraphTensor;
  readonly backend: number;
}

export interface Schedule {
  readonly steps: readonly AllocationStep[];
  readonly backendOf: (tensor: GraphTensor) => number;
  /** Copies that live for the whole graph, because another batch may still use them. */
  readonly permanentCopies: readonly InputCopy[];
  readonly options: ScheduleOptions;
}

/** Smallest batch for which a GPU copies weights (ggml backends, op_offload_min_batch_size). */
const offloadBatchMin = 32;

export function scheduleGraph(graph: GraphBuilder, options: ScheduleOptions): Schedule {
  const assignment = assignBackends(graph, options);
  const backendOf = (tensor: GraphTensor): number => {
    const backend = assignment[tensor.id] ?? unassigned;
    assert(backend !== unassigned, `tensor ${tensor.id} has no backend`);
    return backend;
  };
  const { steps, copies } = splitGraph(graph, backendOf, options.backends);
  const permanentCopies: InputCopy[] = [];
  if (options.inputCopies > 1) {
    const more = (tensor: GraphTensor, backend: number): InputCopy[] =>
      Array.from({ length: options.inputCopies - 1 }, () => inputCopy(graph, tensor, backend));
    const used = new Set(graph.nodes.flatMap((node) => node.sources));
    for (const leaf of graph.leafs) {
      if (leaf.isInput && used.has(leaf)) permanentCopies.push(...more(leaf, backendOf(leaf)));
    }
    for (const copy of copies) permanentCopies.push(copy, ...more(copy.copyOf, copy.backend));
  }
  return { steps, backendOf, permanentCopies, options };
}

function inputCopy(graph: GraphBuilder, tensor: GraphTensor, backend: number): InputCopy {
  return { copyOf: tensor, copy: graph.copyOf(tensor), backend };
}

/** Backend of each tensor, by id. */
type Assignment = Int16Array;
const unassigned = -1;

function assignBackends(graph: GraphBuilder, options: ScheduleOptions): Assignment {
  const assignment: Assignment = new Int16Array(graph.size).fill(unassigned);
  const place = (tensor: GraphTensor): void => {
    const backend = backendByPlace(tensor, options);
    if (backend !== null) assignment[tensor.id] = backend;
  };
  for (const leaf of graph.leafs) place(leaf);
  for (const node of graph.nodes) place(node);
  const cpu = options.backends - 1;
  const running = graph.nodes.filter((node) => !runsNothing(node));
  const backwards = running.toReversed();
  expandAssignment(running, assignment, cpu);
  expandAssignment(backwards, assignment, cpu);
  expandAssignment(running, assignment, unassigned);
  expandAssignment(backwards, assignment, unassigned);
  for (const node of graph.nodes) assignSources(node, assignment);
  return assignment;
}

/** The backend that existing memory requires: of the tensor itself, of the viewed tensor, or of a weight. */
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

/** Gives a node without a backend the backend of the previous node. Nodes on `barrier` pass nothing on. */
function expandAssignment(nodes: readonly GraphTensor[], assignment: Assignment, barrier: number): void {
  let current = unassigned;
  for (const { id } of nodes) {
    const backend = assignment[id] ?? unassigned;
    if (backend !== unassigned) current = backend === barrier ? unassigned : backend;
    else if (current !== unassigned) assignment[id] = current;
  }
}

function assignSources(node: GraphTensor, assignment: Assignment): void {
  const assign = ({ id }: GraphTensor, from: GraphTensor): void => {
    if (assignment[id] === unassigned) assignment[id] = assignment[from.id] ?? unassigned;
  };
  if (node.viewOf !== null) assign(node, node.viewOf);
  for (const source of node.sources) assign(source, source.viewOf ?? node);
  if (assignment[node.id] === unassigned) assignment[node.id] = 0;
}

interface SplitGraph {
  readonly steps: readonly AllocationStep[];
  readonly copies: readonly InputCopy[];
}

function splitGraph(
  graph: GraphBuilder,
  backendOf: (tensor: GraphTensor) => number,
  backends: number,
): SplitGraph {
  const splits = new SplitWriter();
  const known = new Map<number, InputCopy>();
  for (const node of graph.nodes) {
    const backend = backendOf(node);
    const isHere = (source: GraphTensor): boolean => backendOf(source) === backend;
    if (runsNothing(node)) {
      splits.run(node, node.sources, backend);
      continue;
    }
    splits.enter(
      backend,
      node.sources.some((source) => isForeignWeight(source, backend)),
    );
    if (node.sources.every(isHere)) {
      splits.run(node, node.sources, backend);
      continue;
    }
    const sources = node.sources.map((source): GraphTensor => {
      if (isHere(source)) return source;
      const key = source.id * backends + backend;
      const copy = known.get(key) ?? inputCopy(graph, source, backend);
      if (!known.has(key)) {
        known.set(key, copy);
        splits.copyIn(copy);
      }
      return copy.copy;
    });
    splits.run(node, sources, backend);
  }
  return { steps: splits.finish(), copies: [...known.values()] };
}

function isForeignWeight(source: GraphTensor, backend: number): boolean {
  return source.residence?.kind === 'weight' && source.residence.backend !== backend;
}

/** Collects splits: runs of nodes on one backend, preceded by the copies that they need. */
class SplitWriter {
  readonly #steps: AllocationStep[] = [];
  #copies: AllocationStep[] = [];
  #runs: AllocationStep[] = [];
  #backend: number | null = null;

  /** Starts a split if the backend changes, or if a copied weight would need room for a further copied weight. */
  enter(backend: number, needsForeignWeight: boolean): void {
    const sameBackend = this.#backend === backend || this.#backend === null;
    if (!sameBackend || (this.#copies.length > 0 && needsForeignWeight)) this.#close();
    this.#backend = backend;
  }

  copyIn(copy: InputCopy): void {
    this.#copies.push({ kind: 'copy', ...copy });
  }

  run(tensor: GraphTensor, sources: readonly GraphTensor[], backend: number): void {
    this.#runs.push({ kind: 'run', tensor, sources, backend });
  }

  finish(): readonly AllocationStep[] {
    this.#close();
    return this.#steps;
  }

  #close(): void {
    for (const step of this.#copies) this.#steps.push(step);
    for (const step of this.#runs) this.#steps.push(step);
    this.#copies = [];
    this.#runs = [];
  }
}
