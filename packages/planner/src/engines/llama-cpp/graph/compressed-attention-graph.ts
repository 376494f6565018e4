/**
 * Attention of DeepSeek V4 (src/models/deepseek4.cpp, build_attention_impl): every layer reads a window of latents; layers with
 * a compressor read its entries too, at ratio 4 only those that an indexer chooses.
 */
import type { AttentionSpec } from '@plimsoll/model-files/spec';
import { overlappingRatio } from '../cache-buffers.ts';
import type { EngineLayer } from '../engine-model.ts';
import {
  type CompressorContext,
  type CompressorInputs,
  keepTokens,
  projectTokens,
  writeEntries,
} from './compressor-graph.ts';
import type { WorstCase } from './graph-inputs.ts';
import type { GraphOperations } from './graph-operations.ts';
import type { GraphTensor } from './graph-tensor.ts';
import { bestEntries, maskOfChosen } from './indexer-graph.ts';

export type CompressedAttention = Extract<AttentionSpec, { readonly kind: 'compressed' }>;

/** Inputs that the layers of one model share. */
export interface CompressedInputs {
  readonly positions: GraphTensor;
  readonly windowRows: GraphTensor;
  readonly windowMask: GraphTensor;
  readonly windowRotation: GraphTensor | null;
  readonly compressor: (ratio: number) => CompressorInputs;
  readonly indexer: () => CompressorInputs;
}

interface Context {
  readonly operations: GraphOperations;
  readonly worst: WorstCase;
  readonly inputs: CompressedInputs;
  readonly layer: EngineLayer;
  readonly attention: CompressedAttention;
}

export function compressedAttention(context: Context, input: GraphTensor): GraphTensor {
  const { operations, worst, inputs, layer, attention } = context;
  const { graph } = operations;
  const { weights } = layer;
  const { queryHeads, latentDim, ratio } = attention;
  const { tokens } = worst;
  const lowRank = operations.norm(
    weights,
    'attn_q_a_norm',
    operations.linear(weights, 'attn_q_a', input) ?? input,
  );
  const heads = graph.view(operations.linear(weights, 'attn_q_b', lowRank) ?? lowRank, [
    latentDim,
    queryHeads,
    tokens,
  ]);
  const turn = (part: GraphTensor): GraphTensor =>
    graph.operation('rope', [part, inputs.positions], part.shape);
  const query = turn(operations.inPlace(heads));
  const latent = operations.norm(
    weights,
    'attn_kv_a_norm',
    operations.linear(weights, 'attn_kv', input) ?? input,
  );
  const key = turn(graph.view(latent, [latentDim, 1, tokens]));
  if (ratio > 0) compress(context, input);
  const chosen = ratio === overlappingRatio ? chosenEntries(context, input, lowRank) : null;
  const attended = attendEntries(context, { query, key, chosen });
  const turnedBack = turn(graph.view(attended, [latentDim, queryHeads, tokens]));
  return groupedOutput(context, turnedBack);
}

/** Each group of heads has a low-rank output of its own. */
function groupedOutput({ operations, layer, worst, attention }: Context, attended: GraphTensor): GraphTensor {
  const { graph } = operations;
  const { tokens } = worst;
  const down = layer.weights.get('attn_output_a.weight');
  if (down === undefined) return attended;
  const rowElements = down.shape.at(-1) ?? 1;
  const groups = (attention.queryHeads * attention.latentDim) / rowElements;
  const rank = (down.shape.at(-2) ?? 1) / groups;
  const grouped = graph.view(
    graph.view(attended, [rowElements, groups, tokens]),
    [rowElements, tokens, groups],
    ' permuted',
  );
  const matrix = graph.reshaped(operations.weight(down), [rowElements, rank, groups, 1]);
  const product = graph.operation('multiply', [matrix, grouped], [rank, tokens, groups]);
  const back = graph.view(product, [rank, groups, tokens], ' permuted');
  const flat = operations.contiguous(back, [rank * groups, tokens]);
  return operations.linear(layer.weights, 'attn_output_b', flat) ?? flat;
}

function rotate({ operations }: Context, part: GraphTensor, rotation: GraphTensor | null): GraphTensor {
  if (rotation === null) return part;
  const { graph } = operations;
  const [size] = rotation.shape;
  const [width, heads, tokens, outer] = part.shape;
  const flat = graph.view(part, [size, (width * heads * tokens * outer) / size]);
  return graph.view(operations.multiply(rotation, flat, size), part.shape);
}

function compress(context: Context, input: GraphTensor): void {
  const { attention, inputs } = context;
  const { ratio, latentDim, indexer } = attention;
  const shared = {
    operations: context.operations,
    worst: context.worst,
    layer: context.layer,
    ratio,
    rotate: (part: GraphTensor, rotation: GraphTensor | null) => rotate(context, part, rotation),
  };
  const main: CompressorContext = {
    ...shared,
    stem: 'attn_compressor',
    width: latentDim,
    inputs: inputs.compressor(ratio),
  };
  compressWith(main, input);
  if (indexer === undefined) return;
  compressWith(
    { ...shared, stem: 'indexer_compressor', width: indexer.headDim, inputs: inputs.indexer() },
    input,
  );
}

function compressWith(compressor: CompressorContext, input: GraphTensor): void {
  const tokens = projectTokens(compressor, input);
  writeEntries(compressor, tokens);
  keepTokens(compressor, tokens);
}

/** Indices of the entries that the indexer scores highest, [entries, tokens]. */
function chosenEntries(context: Context, input: GraphTensor, lowRank: GraphTensor): GraphTensor | null {
  const { operations, worst, inputs, layer, attention } = context;
  const { indexer } = attention;
  if (indexer === undefined) return null;
  const { graph } = operations;
  const { tokens, streams } = worst;
  const { mask, rotation, entries } = inputs.indexer();
  const flat = operations.linear(layer.weights, 'indexer.attn_q_b', lowRank) ?? lowRank;
  const heads = graph.view(flat, [indexer.headDim, indexer.heads, tokens]);
  const turned = graph.operation('rope', [heads, inputs.positions], heads.shape);
  const query = rotate(context, turned, rotation);
  const shares = operations.inPlace(operations.linear(layer.weights, 'indexer.proj', input) ?? input);
  const key = graph.cacheView(
    graph.cache(0, layer.backend),
    [indexer.headDim, 1, entries, streams],
    worst.keyElementBytes,
  );
  const perStream = graph.view(query, [indexer.headDim, indexer.heads, tokens / streams, streams]);
  const weights = graph.view(shares, [indexer.heads, tokens / streams, 1, streams]);
  return bestEntries(context, { query: perStream, key, weights, mask }, indexer.topK);
}

interface AttendedParts {
  readonly query: GraphTensor;
  readonly key: GraphTensor;
  readonly chosen: GraphTensor | null;
}

function attendEntries(context: Context, { query, key, chosen }: AttendedParts): GraphTensor {
  const { operations, worst, inputs, layer, attention } = context;
  const { graph } = operations;
  const { latentDim, ratio } = attention;
  const { windowRotation } = inputs;
  const [queries, latent] = [rotate(context, query, windowRotation), rotate(context, key, windowRotation)];
  graph.expand(queries);
  graph.expand(latent);
  const cache = graph.cache(0, layer.backend);
  graph.expand(graph.store(graph.view(latent, [latentDim, worst.tokens]), cache, inputs.windowRows));
  const cached = (rows: number): GraphTensor =>
    graph.cacheView(
      graph.cache(0, layer.backend),
      [latentDim, 1, rows, worst.streams],
      worst.keyElementBytes,
    );
  const window = cached(worst.windowCells);
  if (ratio === 0) return attend(context, queries, { keys: window, mask: inputs.windowMask });
  const { entries, mask } = inputs.compressor(ratio);
  const rows = worst.windowCells + entries;
  const keys = graph.operation('other', [window, cached(entries)], [latentDim, 1, rows, worst.streams], {
    bytesPerElement: worst.keyElementBytes,
  });
  const entryMask =
    chosen === null ? mask : maskOfChosen(operations, { mask, chosen, zeroElement: mask.element });
  const [, perStream] = mask.shape;
  const whole = graph.operation(
    'other',
    [inputs.windowMask, entryMask],
    [rows, perStream, 1, worst.streams],
    {
      element: mask.element,
    },
  );
  return attend(context, queries, { keys, mask: whole });
}

/** Keys are values too: one latent per token or entry. */
function attend(
  { operations, worst, layer, attention }: Context,
  query: GraphTensor,
  { keys, mask }: { readonly keys: GraphTensor; readonly mask: GraphTensor },
): GraphTensor {
  const { graph } = operations;
  const { queryHeads, latentDim } = attention;
  const { tokens, streams } = worst;
  const perStream = tokens / streams;
  const rows = keys.shape[2];
  const queries = graph.view(
    graph.view(query, [latentDim, queryHeads, perStream, streams]),
    [latentDim, perStream, queryHeads, streams],
    ' permuted',
  );
  const turned = graph.view(keys, [latentDim, rows, 1, streams], ' permuted');
  const values = graph.view(keys, [latentDim, rows, 1, streams], ' permuted');
  const sinks = layer.weights.get('attn_sinks.weight');
  const extra = sinks === undefined ? [] : [operations.weight(sinks)];
  if (worst.flashAttention) {
    const shape = [latentDim, queryHeads, perStream, streams];
    const flash = graph.operation('flash-attention', [queries, turned, values, mask, ...extra], shape);
    return graph.view(flash, [latentDim * queryHeads, tokens]);
  }
  const products = graph.operation('multiply', [turned, queries], [rows, perStream, queryHeads, streams]);
  const scores = operations.inPlace(products, mask, ...extra);
  const columns = graph.operation(
    'other',
    [graph.view(values, [rows, latentDim, 1, streams], ' transposed')],
    [rows, latentDim, 1, streams],
    { bytesPerElement: worst.keyElementBytes },
  );
  const weighted = graph.operation(
    'multiply',
    [columns, scores],
    [latentDim, perStream, queryHeads, streams],
  );
  const permuted = graph.view(weighted, [latentDim, queryHeads, perStream, streams], ' permuted');
  return operations.contiguous(permuted, [latentDim * queryHeads, tokens]);
}
