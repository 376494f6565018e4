/**
 * Compressors of DeepSeek V4 (src/models/deepseek4.cpp: build_overlap_compressed_kv_from_state,
 * build_hca_compressed_kv_from_state). Tokens wait in a state until `ratio` of them make one cached entry, a sum weighted by a
 * softmax of learned scores.
 */

import { overlappingRatio } from '../cache-buffers.ts';
import type { EngineLayer } from '../engine-model.ts';
import type { WorstCase } from './graph-inputs.ts';
import type { GraphOperations } from './graph-operations.ts';
import type { GraphBuilder, GraphTensor } from './graph-tensor.ts';

/** Inputs of one compressor, shared by its layers (llama-graph.cpp, dsv4_build_comp_inputs). */
export interface CompressorInputs {
  readonly tokenPlaces: GraphTensor;
  readonly reads: GraphTensor;
  readonly writes: GraphTensor;
  readonly entryPositions: GraphTensor;
  readonly keptTokens: GraphTensor;
  readonly keptPlaces: GraphTensor;
  /** Mask over the entries, per token. */
  readonly mask: GraphTensor;
  /** Rotation of cached entries, or null. */
  readonly rotation: GraphTensor | null;
  readonly blocks: number;
  readonly entries: number;
}

interface CompressorSizes {
  readonly ratio: number;
  readonly entries: number;
  readonly halfMask: boolean;
  readonly rotationSize: number;
}

/** Tokens of a state per stream. */
function waitingTokens(ratio: number): number {
  return ratio === overlappingRatio ? 2 * ratio : ratio;
}

export function compressorInputs(
  graph: GraphBuilder,
  { tokens, sequences, streams }: WorstCase,
  { ratio, entries, halfMask, rotationSize }: CompressorSizes,
): CompressorInputs {
  const overlap = ratio === overlappingRatio ? 2 : 1;
  const blocks = Math.floor(tokens / ratio) + sequences;
  const kept = Math.min(tokens, waitingTokens(ratio) * streams);
  return {
    tokenPlaces: graph.input('i32', tokens),
    reads: graph.input('i32', overlap * ratio * blocks),
    writes: graph.input('i64', blocks),
    entryPositions: graph.input('i32', blocks),
    keptTokens: graph.input('i32', kept),
    keptPlaces: graph.input('i32', kept),
    mask: graph.input(halfMask ? 'f16' : 'f32', entries, tokens / streams, 1, streams),
    rotation: rotationSize === 0 ? null : graph.input('f32', rotationSize, rotationSize),
    blocks,
    entries,
  };
}

export interface CompressorContext {
  readonly operations: GraphOperations;
  readonly worst: WorstCase;
  readonly layer: EngineLayer;
  readonly inputs: CompressorInputs;
  /** `attn_compressor` or `indexer_compressor`. */
  readonly stem: string;
  readonly ratio: number;
  /** Width of an entry. */
  readonly width: number;
  readonly rotate: (part: GraphTensor, rotation: GraphTensor | null) => GraphTensor;
}

interface Tokens {
  readonly values: GraphTensor;
  readonly scores: GraphTensor;
}

/** Values and scores of the tokens of the batch. */
export function projectTokens(
  { operations, layer, stem, inputs }: CompressorContext,
  input: GraphTensor,
): Tokens {
  const { weights } = layer;
  const values = operations.linear(weights, `${stem}_kv`, input) ?? input;
  const scores = operations.linear(weights, `${stem}_gate`, input) ?? input;
  const places = weights.get(`${stem}_ape.weight`);
  if (places === undefined) return { values, scores };
  const rows = operations.rows(operations.weight(places), inputs.tokenPlaces, scores.shape);
  return { values, scores: operations.inPlace(scores, rows) };
}

/** Writes the entries that become complete. */
export function writeEntries(context: CompressorContext, tokens: Tokens): void {
  const { operations, layer, inputs, stem } = context;
  const { graph } = operations;
  const values = withWaiting(context, tokens.values);
  const scores = withWaiting(context, tokens.scores);
  const pooled =
    context.ratio === overlappingRatio ? overlapped(context, values, scores) : plain(context, values, scores);
  const normal = operations.norm(layer.weights, `${stem}_norm`, pooled);
  const turned = graph.operation('rope', [normal, inputs.entryPositions], normal.shape);
  const entry = context.rotate(turned, inputs.rotation);
  const rows = graph.view(entry, [context.width, inputs.blocks]);
  graph.expand(graph.store(rows, graph.cache(0, layer.backend), inputs.writes));
}

/** Keeps the tokens that wait for the next entry. */
export function keepTokens({ operations, layer, inputs }: CompressorContext, tokens: Tokens): void {
  const { graph } = operations;
  const kept = (part: GraphTensor): GraphTensor => {
    const rows = operations.rows(part, inputs.keptTokens, [part.shape[0], inputs.keptTokens.shape[0]]);
    return graph.store(rows, graph.cache(0, layer.backend), inputs.keptPlaces);
  };
  const [values, scores] = [kept(tokens.values), kept(tokens.scores)];
  graph.expand(values);
  graph.expand(scores);
}

function withWaiting({ operations, worst, layer, ratio }: CompressorContext, part: GraphTensor): GraphTensor {
  const { graph } = operations;
  const [width, tokens] = part.shape;
  const waiting = waitingTokens(ratio) * worst.streams;
  const state = graph.view(graph.cache(0, layer.backend), [width, waiting], ' state');
  return graph.operation('other', [state, part], [width, waiting + tokens]);
}

/** Groups of tokens that overlap: the second half of a row belongs to the next group. */
function overlapped(context: CompressorContext, values: GraphTensor, scores: GraphTensor): GraphTensor {
  const { operations, ratio, width, inputs } = context;
  const { graph } = operations;
  const { blocks } = inputs;
  const reads = ratio * blocks;
  const rowsOf = (part: GraphTensor): GraphTensor =>
    operations.rows(withEmptyRow(context, part), inputs.reads, [part.shape[0], 2 * reads]);
  const valueRows = rowsOf(values);
  const scoreRows = rowsOf(scores);
  const half = (rows: GraphTensor, name: string): GraphTensor =>
    graph.view(operations.contiguous(graph.view(rows, [width, reads], ` ${name}`), [width, reads]), [
      width,
      ratio,
      blocks,
    ]);
  const [valuesBefore, scoresBefore] = [half(valueRows, 'before'), half(scoreRows, 'before')];
  const [valuesNow, scoresNow] = [half(valueRows, 'now'), half(scoreRows, 'now')];
  const joined = (before: GraphTensor, now: GraphTensor): GraphTensor =>
    graph.operation('other', [before, now], [width, 2 * ratio, blocks]);
  return pool(context, joined(valuesBefore, valuesNow), joined(scoresBefore, scoresNow));
}

/** One row behind the others, which the first group reads for the group before it. */
function withEmptyRow({ operations }: CompressorContext, part: GraphTensor): GraphTensor {
  const { graph } = operations;
  const [width, rows] = part.shape;
  const empty = operations.inPlace(graph.view(part, [width], ' first'));
  return graph.operation('other', [part, graph.view(empty, [width, 1])], [width, rows + 1]);
}

function plain(context: CompressorContext, values: GraphTensor, scores: GraphTensor): GraphTensor {
  const { operations, ratio, width, inputs } = context;
  const rowsOf = (part: GraphTensor): GraphTensor => {
    const rows = operations.rows(part, inputs.reads, [width, ratio * inputs.blocks]);
    return operations.graph.view(rows, [width, ratio, inputs.blocks]);
  };
  return pool(context, rowsOf(values), rowsOf(scores));
}

/** The softmax of the scores weights the values; [width, tokens, blocks] becomes [width, 1, blocks]. */
function pool({ operations }: CompressorContext, values: GraphTensor, scores: GraphTensor): GraphTensor {
  const { graph } = operations;
  const [width, tokens, blocks] = values.shape;
  const turned = (part: GraphTensor): GraphTensor =>
    operations.contiguous(graph.view(part, [tokens, width, blocks], ' permuted'), [tokens, width, blocks]);
  const [turnedValues, turnedScores] = [turned(values), turned(scores)];
  const weighted = operations.inPlace(turnedValues, operations.inPlace(turnedScores));
  const sum = graph.operation('other', [weighted], [1, width, blocks]);
  return operations.contiguous(graph.view(sum, [width, 1, blocks], ' permuted'), [width, 1, blocks]);
}
