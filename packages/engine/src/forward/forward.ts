/**
 * The forward pass: computes hidden rows and logits of tokens, and writes their keys and values to the cache. It owns
 * no memory and knows no requests; the caller passes one batch at a time.
 *
 *   embed -> per layer: attention, feed-forward or experts -> (run) hidden -> final norm -> head -> logits
 *
 * Operations are collected and then run by the kernels together. A run ends early if the host must read a result (the
 * choice of experts, captured rows), or if the next operations lie in another arena, to which the host copies their
 * input (walk.ts).
 * Tables hold everything that differs from step to step, so the operations of small steps are prepared once and kept.
 */
import { defined } from '@plimsoll/foundation';
import type { KernelOperation, Kernels, Program } from '@plimsoll/kernels';
import type { EngineMemoryPlan } from '@plimsoll/planner/engine-memory';
import type { ArenaMemory } from '../memory/arena.ts';
import {
  type ArenaLayout,
  arenaLayouts,
  blocksPerSequence,
  type HeadLayout,
  headLayout,
} from './arena-layout.ts';
import { type DraftStates, pushCapturedStates, statesArena } from './draft-operations.ts';
import { noLayers, type Segment, type StepKind } from './kept-steps.ts';
import { type LayerStep, pushLayer, pushLayerInputs } from './layer-operations.ts';
import { OperationList } from './operation-list.ts';
import type { PlacedModel } from './placed-model.ts';
import type { StepBatch } from './step-batch.ts';
import { checkBatch, RotationTables, type TableLimits, writeStepTables } from './step-tables.ts';
import { runParts, Turns, usualTurnMultiplyAdds } from './turns.ts';
import { carry, KeptWalk, RunningWalk, type Turn, type WalkPlace } from './walk.ts';

export interface ForwardParts {
  readonly plan: EngineMemoryPlan;
  readonly model: PlacedModel;
  readonly arenas: readonly ArenaMemory[];
  readonly kernels: Kernels;
  /** Multiply-adds after which a step yields. Tests set a small number. */
  readonly turnMultiplyAdds?: number | undefined;
}

/**
 * Receives the residual stream, [tokens, hiddenSize], after the embedding (layer -1) or after a layer. The rows are
 * valid during the call.
 */
export interface Capture {
  readonly layers: ReadonlySet<number>;
  take(layer: number, rows: Float32Array): void;
}

/** The programs of steps up to this many tokens are kept. Larger steps compute longer than their preparation takes. */
const keptTokensMax = 32;
/** A kept step takes about 100 KB, and saves 0.3 ms each time. */
const keptStepsMax = 40;
/** Kept steps are divided into turns for a context of a power of two, at least this one, so that steps share them. */
const keptKeysMin = 512;

export class Forward {
  readonly model: PlacedModel;
  readonly #arenas: readonly ArenaMemory[];
  readonly #kernels: Kernels;
  readonly #layouts: readonly ArenaLayout[];
  readonly #head: HeadLayout;
  readonly #rotations: RotationTables;
  readonly #step: LayerStep;
  readonly #limits: TableLimits;
  /** Turns of the run in progress. */
  #turns: Turns;
  readonly #turnMultiplyAdds: number;
  readonly #isDense: boolean;
  readonly logitRowsMax: number;
  /** Keyed by everything that the operations of a step depend on; the least recently used is first. */
  readonly #steps = new Map<string, readonly Segment[]>();
  /** Keyed by the number of rows and by what the program computes: the final norm, logits, or also their largest. */
  readonly #heads = new Map<string, Program>();

  constructor({ plan, model, arenas, kernels, turnMultiplyAdds = usualTurnMultiplyAdds }: ForwardParts) {
    this.#turnMultiplyAdds = turnMultiplyAdds;
    this.#turns = new Turns(1, turnMultiplyAdds);
    this.model = model;
    this.#arenas = arenas;
    this.#kernels = kernels;
    this.#layouts = arenaLayouts(plan, model.graph);
    this.#head = headLayout(plan);
    this.#rotations = new RotationTables(model.graph, this.#layouts, plan.settings.contextMax);
    this.#limits = {
      stepTokens: plan.settings.stepTokens,
      blocksPerSequence: blocksPerSequence(plan),
      vocabSize: model.graph.vocabSize,
      capturedLayers: model.graph.draftInput?.layers ?? 0,
    };
    this.#step = { model, rotations: this.#rotations };
    this.#isDense = model.layers.every(({ graph }) => graph.feedForward.kind === 'dense');
    this.logitRowsMax = plan.settings.logitRows;
  }

  /** Computes a batch. Its last hidden rows stay in memory until the next batch, for `logits`. */
  run(batch: StepBatch, capture: Capture | null = null, states: DraftStates | null = null): void {
    for (const _ of this.inTurns(batch, capture, states));
  }

  /**
   * Computes a batch like `run`, and yields where the caller may interrupt it. An interrupted batch has no result.
   * `states`: for an EAGLE3 draft, the states that the pass begins with.
   */
  *inTurns(batch: StepBatch, capture: Capture | null = null, states: DraftStates | null = null): Turn<void> {
    checkBatch(batch, this.#limits);
    this.#writeTables(batch);
    if (states !== null) this.#writeStates(states, batch.tokenIds.length);
    const keysMax = 1 + batch.positions.reduce((most, position) => Math.max(most, position), 0);
    const tokens = batch.tokenIds.length;
    if (tokens <= keptTokensMax && this.#isDense) {
      const kind = { layers: capture?.layers ?? noLayers, states: states?.kind ?? null };
      yield* this.#runSegments(this.#segments(tokens, keysMax, kind), tokens, capture);
      return;
    }
    this.#turns = new Turns(keysMax, this.#turnMultiplyAdds);
    const walk = new RunningWalk(this.#placeOf(tokens), (list) => this.#runInTurns(list));
    if (states?.kind === 'captured') yield* pushCapturedStates(walk, this.model);
    yield* this.#captureAt(-1, walk, capture);
    for (const layer of this.model.layers) {
      yield* pushLayer(walk, layer, this.#step);
      yield* this.#captureAt(layer.index, walk, capture);
    }
    yield* walk.settle();
  }

  *#captureAt(layer: number, walk: RunningWalk, capture: Capture | null): Turn<void> {
    if (capture?.layers.has(layer) !== true) return;
    yield* walk.settle();
    const { layout, tokens } = walk.list;
    capture.take(layer, this.#rows(layout, 'hidden', tokens));
  }

  /** Prepares all operations of a small step. The model is dense: the host must read the choice of experts. */
  #segments(tokens: number, keysMax: number, kind: StepKind): readonly Segment[] {
    const keys = Math.max(keptKeysMin, 2 ** Math.ceil(Math.log2(keysMax)));
    const key = `${tokens} ${keys} ${kind.states} ${[...kind.layers].join()}`;
    const segments = this.#steps.get(key) ?? this.#preparedSegments(tokens, keys, kind);
    this.#steps.delete(key);
    this.#steps.set(key, segments);
    const [oldest = key] = this.#steps.keys();
    if (this.#steps.size > keptStepsMax) this.#steps.delete(oldest);
    return segments;
  }

  #preparedSegments(tokens: number, keys: number, { layers, states }: StepKind): readonly Segment[] {
    const walk = new KeptWalk(this.#placeOf(tokens));
    // A KeptWalk never yields, so these loops only run the generators to their end.
    if (states === 'captured') for (const _ of pushCapturedStates(walk, this.model));
    if (layers.has(-1)) walk.endLayer(-1);
    for (const layer of this.model.layers) {
      for (const _ of pushLayer(walk, layer, this.#step));
      if (layers.has(layer.index)) walk.endLayer(layer.index);
    }
    const turns = new Turns(keys, this.#turnMultiplyAdds);
    return walk.stretches.map(({ list: { layout, operations }, carried, captured }) => ({
      layout,
      carried,
      captured,
      programs: turns
        .divide(operations)
        .map((some) => (some.length === 0 ? null : this.#kernels.prepare(some))),
    }));
  }

  *#runSegments(segments: readonly Segment[], tokens: number, capture: Capture | null): Turn<void> {
    let before: ArenaLayout | null = null;
    for (const { layout, carried, captured, programs } of segments) {
      if (before !== null) carry(carried, before, layout, (arena) => this.#buffer(arena));
      yield* runParts(programs, (program) => this.#kernels.run(layout.arena, program));
      if (captured !== null) capture?.take(captured, this.#rows(layout, 'hidden', tokens));
      before = layout;
    }
  }

  /** Writes the states that a pass of a draft begins with to the arena that reads them first. */
  #writeStates({ kind, write }: DraftStates, tokens: number): void {
    const { graph, draftInput, embedding } = this.model;
    const { layers, targetHiddenSize } = defined(graph.draftInput, 'a draft reads states');
    const captured = kind === 'captured';
    const arena = captured ? statesArena(defined(draftInput, 'a draft has weights')) : embedding.arena;
    const { buffers } = this.#layout(arena);
    const count = tokens * (captured ? layers * targetHiddenSize : graph.hiddenSize);
    const place = captured ? buffers.features : buffers.hidden;
    write(new Float32Array(this.#buffer(arena), place, count));
  }

  /** The residual stream after the last layer of the last batch, [tokens, hiddenSize], until the next batch. */
  lastStates(tokens: number): Float32Array {
    return this.#rows(this.#layout(this.#lastArena), 'hidden', tokens);
  }

  /** Computes the logits of given states, [rows, hiddenSize], as if they were the last batch. */
  logitsOf(states: Float32Array): Float32Array {
    const rows = states.length / this.model.graph.hiddenSize;
    this.lastStates(rows).set(states);
    return this.logits(Array.from({ length: rows }, (_, row) => row));
  }

  /**
   * Computes the logits of some rows of the last batch, [rows, vocabulary], at most `logitRowsMax` rows. The result is
   * a view of the arena and valid until the next call. `findLargest` prepares the result of `largest`.
   */
  logits(rows: readonly number[], { findLargest = false } = {}): Float32Array {
    const { buffers, arena } = this.#head;
    this.#bringRows(rows);
    this.#kernels.run(arena, this.#headProgram(rows.length, findLargest ? 'largest' : 'logits'));
    return new Float32Array(this.#buffer(arena), buffers.logits, rows.length * this.model.graph.logitsSize);
  }

  /** [rows, 2] for the last logits: the first token with the largest logit, and the number of NaN values. */
  largest(rowCount: number): Uint32Array {
    const { buffers, arena } = this.#head;
    return new Uint32Array(this.#buffer(arena), buffers.candidates, 2 * rowCount);
  }

  /**
   * Computes the last hidden states of some rows of the last batch after the final norm, [rows, hiddenSize], at most
   * `logitRowsMax` rows. The result is a view of the arena and valid until the next call.
   */
  finalStates(rows: readonly number[]): Float32Array {
    this.#bringRows(rows);
    this.#kernels.run(this.#head.arena, this.#headProgram(rows.length, 'norm'));
    return this.headRows(rows.length);
  }

  /** Reads `hidden` if the last layer is in the head's arena, else `normed`. */
  #headProgram(rows: number, result: 'norm' | 'logits' | 'largest'): Program {
    const key = `${rows} ${result}`;
    const kept = this.#heads.get(key);
    if (kept !== undefined) return kept;
    const { buffers, arena } = this.#head;
    const { finalNorm, graph } = this.model;
    const list = this.#listAt(arena, rows);
    if (this.#lastArena === arena) list.push(this.#gather(list.layout, rows));
    list.norm(list.layout.buffers.normed, buffers['head-rows'], finalNorm, { offset: graph.finalNormOffset });
    if (result !== 'norm') this.#pushLogits(list, rows, result === 'largest');
    const program = this.#kernels.prepare(list.operations);
    if (rows <= keptTokensMax) this.#heads.set(key, program);
    return program;
  }

  #pushLogits(list: OperationList, rows: number, findLargest: boolean): void {
    const { buffers } = this.#head;
    const { head, graph } = this.model;
    const { logitsSize: columns, logitSoftCap: cap } = graph;
    const values = buffers.logits;
    list.products(buffers['head-rows'], [{ weight: head, output: values }]);
    if (cap !== null) list.push({ op: 'soft-cap', values, count: rows * columns, cap });
    if (findLargest) list.push({ op: 'argmax', values, rows, columns, output: buffers.candidates });
  }

  /** The input rows of the head in the last `logits` call, [rows, hiddenSize]: after the final norm. */
  headRows(rowCount: number): Float32Array {
    const { buffers, arena } = this.#head;
    return new Float32Array(
      this.#buffer(arena),
      buffers['head-rows'],
      rowCount * this.model.graph.hiddenSize,
    );
  }

  /** Copies block `from` of a cache group to block `to`, in every layer of the group. */
  copyBlock(group: number, from: number, to: number): void {
    for (const { kv, graph } of this.model.layers) {
      if (kv.group !== group || graph.attention.sharesKvWithLayer !== null) continue;
      const bytes = new Uint8Array(this.#buffer(kv.arena), kv.keyPool);
      const start = from * kv.blockStrideBytes;
      bytes.copyWithin(to * kv.blockStrideBytes, start, start + kv.blockStrideBytes);
    }
  }

  /** Bytes of one block of a cache group, summed over the layers. */
  blockBytes(group: number): number {
    return this.model.layers.reduce((sum, { kv }) => sum + (kv.group === group ? kv.blockStrideBytes : 0), 0);
  }

  /** Copies a block out of the cache, one layer of the group after the other. */
  readBlock(group: number, block: number, into: Uint8Array): void {
    let offset = 0;
    for (const part of this.#blockParts(group, block)) {
      into.set(part, offset);
      offset += part.length;
    }
  }

  /** Copies a block back into the cache: the inverse of `readBlock`. */
  writeBlock(group: number, block: number, from: Uint8Array): void {
    let offset = 0;
    for (const part of this.#blockParts(group, block)) {
      part.set(from.subarray(offset, offset + part.length));
      offset += part.length;
    }
  }

  *#blockParts(group: number, block: number): Generator<Uint8Array> {
    for (const { kv, arena } of this.model.layers) {
      if (kv.group !== group) continue;
      const bytes = kv.blockStrideBytes;
      yield new Uint8Array(this.#buffer(arena), kv.keyPool + block * bytes, bytes);
    }
  }

  #writeTables(batch: StepBatch): void {
    const { frequencies } = this.#rotations;
    for (const layout of this.#layouts) {
      const step = { frequencies, limits: this.#limits };
      writeStepTables(this.#buffer(layout.arena), layout, batch, step);
    }
  }

  #embed(tokens: number): OperationList {
    const { embedding, graph } = this.model;
    const { format, pointer: weights, rows, columns } = embedding;
    const list = this.#listAt(embedding.arena, tokens);
    const { tokenIds, buffers } = list.layout;
    const output = graph.draftInput === null ? buffers.hidden : buffers.embedded;
    list.push({ op: 'embed', format, weights, tokenIds, output, tokens, rows, columns });
    if (graph.embeddingScale !== null) {
      const count = tokens * columns;
      const factor = graph.embeddingScale;
      list.push({ op: 'scale', input: buffers.hidden, output: buffers.hidden, count, factor });
    }
    if (graph.layerInputs !== null) pushLayerInputs(list, this.model, graph.layerInputs);
    return list;
  }

  #placeOf(tokens: number): WalkPlace {
    return {
      list: this.#embed(tokens),
      listAt: (arena) => this.#listAt(arena, tokens),
      buffer: (arena) => this.#buffer(arena),
    };
  }

  #runInTurns({ layout, operations }: OperationList): Turn<void> {
    return runParts(this.#turns.divide(operations), (some) => {
      if (some.length > 0) this.#kernels.run(layout.arena, some);
    });
  }

  /**
   * Writes the numbers of the rows whose logits are wanted. If the head is in another arena, gathers the rows and
   * copies them to `normed` there.
   */
  #bringRows(rows: readonly number[]): void {
    const layout = this.#layout(this.#lastArena);
    new Uint32Array(this.#buffer(layout.arena), layout.logitRows, rows.length).set(rows);
    if (layout.arena === this.#head.arena) return;
    this.#kernels.run(layout.arena, [this.#gather(layout, rows.length)]);
    const target = this.#rows(this.#layout(this.#head.arena), 'normed', rows.length);
    target.set(this.#rows(layout, 'normed', rows.length));
  }

  /** Gathers the wanted rows of `hidden` into `normed`. */
  #gather({ buffers, logitRows: indices }: ArenaLayout, rows: number): KernelOperation {
    const { hidden: input, normed: output } = buffers;
    return { op: 'gather-rows', input, indices, output, rows, columns: this.model.graph.hiddenSize };
  }

  get #lastArena(): number {
    return defined(this.model.layers.at(-1), 'a model has layers').arena;
  }

  #rows(layout: ArenaLayout, name: 'hidden' | 'normed', rows: number): Float32Array {
    const count = rows * this.model.graph.hiddenSize;
    return new Float32Array(this.#buffer(layout.arena), layout.buffers[name], count);
  }

  #listAt(arena: number, tokens: number): OperationList {
    const { normEpsilon: epsilon, productPath: path } = this.model.graph;
    return new OperationList(this.#layout(arena), { tokens, epsilon, path });
  }

  #layout(arena: number): ArenaLayout {
    return defined(this.#layouts[arena], `there is an arena ${arena}`);
  }

  #buffer(arena: number): ArrayBufferLike {
    return defined(this.#arenas[arena], `there is an arena ${arena}`).buffer;
  }
}
