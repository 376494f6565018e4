import type { EngineLayer } from '../engine-model.ts';
import type { AttentionContext, AttentionParts, HeadAttention } from './attention-parts.ts';
import { blockSparseAttention, readsBlocks } from './block-sparse-attention-graph.ts';
import type { GraphTensor } from './graph-tensor.ts';

/** Self-attention with heads. The caller adds the result to the residual stream. */
export function headAttention(
  context: AttentionContext,
  layer: EngineLayer,
  attention: HeadAttention,
  input: GraphTensor,
): GraphTensor {
  const { operations } = context;
  const { parts, gate } = projections(context, layer, attention, input);
  const turned = rotated(context, parts);
  const attended = unrotated(
    context,
    readsBlocks(context.worst, attention)
      ? blockSparseAttention({ ...context, blocks: context.blocks() }, layer, attention, {
          input,
          parts: turned,
        })
      : attend(context, layer, attention, turned),
  );
  const gated = gate === null ? attended : operations.inPlace(attended, operations.inPlace(gate));
  return operations.linear(layer.weights, 'attn_output', gated) ?? gated;
}

/** Rotates rows before they are cached in block types, so that no single element dominates a block. */
function rotated(context: AttentionContext, { query, key, value }: AttentionParts): AttentionParts {
  const { keyRotation, valueRotation } = context.cache;
  const turn = (part: GraphTensor | null, by: GraphTensor | null): GraphTensor | null =>
    part === null || by === null ? part : hadamard(context, part, by);
  return {
    query: turn(query, keyRotation) ?? query,
    key: turn(key, keyRotation),
    value: turn(value, valueRotation),
  };
}

function unrotated(context: AttentionContext, attended: GraphTensor): GraphTensor {
  const { valueRotation } = context.cache;
  return valueRotation === null ? attended : hadamard(context, attended, valueRotation);
}

function hadamard({ operations }: AttentionContext, part: GraphTensor, matrix: GraphTensor): GraphTensor {
  const [size] = matrix.shape;
  const [dim, heads, tokens, outer] = part.shape;
  const rows = (dim * heads * tokens * outer) / size;
  const flat = operations.graph.view(part, [size, rows]);
  return operations.graph.view(operations.multiply(matrix, flat, size), part.shape);
}

interface Projections {
  readonly parts: AttentionParts;
  readonly gate: GraphTensor | null;
}

function projections(
  context: AttentionContext,
  layer: EngineLayer,
  attention: HeadAttention,
  input: GraphTensor,
): Projections {
  const { operations, worst } = context;
  const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = attention;
  const { tokens } = worst;
  const { graph } = operations;
  const { weights } = layer;
  const heads = (tensor: GraphTensor, dim: number, count: number, strided = ''): GraphTensor =>
    graph.view(tensor, [dim, count, tokens], strided);

  const fused = operations.linear(weights, 'attn_qkv', input);
  if (fused !== null) return { parts: fusedParts(context, layer, attention, fused), gate: null };
  const full = operations.linear(weights, 'attn_q', input) ?? input;
  const hasGate = full.shape[0] === 2 * queryHeads * keyHeadDim;
  const query = heads(
    operations.optionalNorm(weights, wideNorm(weights, 'attn_q_norm', keyHeadDim), full),
    keyHeadDim,
    queryHeads,
    hasGate ? ' q of gated' : '',
  );
  const gate = hasGate
    ? operations.contiguous(heads(full, keyHeadDim, queryHeads, ' gate of gated'), [
        keyHeadDim * queryHeads,
        tokens,
      ])
    : null;
  const rotated = scaled(
    context,
    finish(context, layer, narrowNorm(weights, 'attn_q_norm', keyHeadDim), query),
  );
  const keyProjection = operations.linear(weights, 'attn_k', input);
  if (keyProjection === null) return { parts: { query: rotated, key: null, value: null }, gate };
  const keyNormed = operations.optionalNorm(
    weights,
    wideNorm(weights, 'attn_k_norm', keyHeadDim),
    keyProjection,
  );
  const key = finish(
    context,
    layer,
    narrowNorm(weights, 'attn_k_norm', keyHeadDim),
    heads(keyNormed, keyHeadDim, kvHeads),
  );
  const valueProjection = operations.linear(weights, 'attn_v', input) ?? keyProjection;
  return { parts: { query: rotated, key, value: heads(valueProjection, valueHeadDim, kvHeads) }, gate };
}

/** Parts of one product. Older builds copy each part out of it, later builds values alone, newer builds nothing. */
function fusedParts(
  context: AttentionContext,
  layer: EngineLayer,
  { queryHeads, kvHeads, keyHeadDim, valueHeadDim }: HeadAttention,
  fused: GraphTensor,
): AttentionParts {
  const { operations, worst } = context;
  const { graph } = operations;
  const part = (dim: number, count: number, name: string, copied: boolean): GraphTensor => {
    const strided = graph.view(fused, [dim, count, worst.tokens], name);
    if (!copied) return strided;
    return graph.view(operations.contiguous(strided, [dim * count, worst.tokens]), [
      dim,
      count,
      worst.tokens,
    ]);
  };
  const { copiesFusedParts, copiesFusedValues } = worst.rules;
  const query = part(keyHeadDim, queryHeads, ' q of qkv', copiesFusedParts);
  const key = part(keyHeadDim, kvHeads, ' k of qkv', copiesFusedParts);
  return {
    query: scaled(context, finish(context, layer, 'attn_q_norm', query)),
    key: finish(context, layer, 'attn_k_norm', key),
    value: part(valueHeadDim, kvHeads, ' v of qkv', copiesFusedValues),
  };
}

/** The name of a norm over the whole projection, which comes before the split into heads. */
function wideNorm(weights: EngineLayer['weights'], stem: string, headDim: number): string {
  return weights.get(`${stem}.weight`)?.shape.at(-1) === headDim ? 'absent' : stem;
}

function narrowNorm(weights: EngineLayer['weights'], stem: string, headDim: number): string {
  return weights.get(`${stem}.weight`)?.shape.at(-1) === headDim ? stem : 'absent';
}

/** Per-head norm and rotation. */
function finish(
  context: AttentionContext,
  layer: EngineLayer,
  norm: string,
  heads: GraphTensor,
): GraphTensor {
  const { operations, traits, positions } = context;
  const normed = operations.optionalNorm(layer.weights, norm, heads);
  if (traits.noRope) return normed;
  return operations.graph.operation('rope', [normed, positions], heads.shape);
}

function scaled(context: AttentionContext, query: GraphTensor): GraphTensor {
  return context.traits.scalesQueries ? context.operations.inPlace(query) : query;
}

/** Head sizes of one layer in its cache. Latent attention caches one head with a wide key. */
export interface CacheHeads {
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly keyHeadDim: number;
  readonly valueHeadDim: number;
}

/** `decompress` expands results of latent attention to heads; undefined if the results are heads already. */
export function attend(
  context: AttentionContext,
  layer: EngineLayer,
  heads: CacheHeads,
  { decompress = null, ...parts }: AttentionParts & { readonly decompress?: GraphTensor | null },
): GraphTensor {
  const { operations, worst } = context;
  const { graph } = operations;
  const { tokens } = worst;
  expandParts(context, parts);
  storeParts(context, layer, parts);
  const { query, key, value } = cacheViews(context, layer, heads, parts.query);
  const sinks = layer.weights.get('attn_sinks.weight');
  const extra = sinks === undefined ? [] : [operations.weight(sinks)];
  const merged = decompress === null ? heads.valueHeadDim : (decompress.shape[1] ?? 1);
  const { cache } = context;
  const perStream = tokens / worst.streams;
  let result: GraphTensor;
  if (worst.flashAttention) {
    const shape = [heads.valueHeadDim, heads.queryHeads, perStream, worst.streams];
    const half = [
      halfPrecision(context, key, worst.keyElementBytes),
      halfPrecision(context, value, worst.valueElementBytes),
    ];
    const flash = graph.operation('flash-attention', [query, ...half, cache.mask, ...extra], shape);
    result = graph.view(decompressed(context, flash, decompress, heads.queryHeads), [
      merged * heads.queryHeads,
      tokens,
    ]);
  } else {
    const scores = scoreMatrix(context, heads, [query, key], extra);
    const shape = [heads.valueHeadDim, perStream, heads.queryHeads, worst.streams];
    const weighted = graph.operation('multiply', [value, scores], shape);
    const final =
      decompress === null
        ? weighted
        : graph.operation('multiply', [decompress, weighted], [merged, perStream, heads.queryHeads]);
    const permuted = graph.view(final, [merged, heads.queryHeads, perStream, worst.streams], ' permuted');
    result = graph.operation('other', [permuted], [merged * heads.queryHeads, tokens], {
      pinnedTo: context.pinnedTo,
    });
  }
  graph.expand(result);
  return result;
}

/** Flash attention reads no F32 keys and values: the graph casts the whole cache to F16 first. */
function halfPrecision(
  { operations }: AttentionContext,
  cached: GraphTensor,
  elementBytes: number,
): GraphTensor {
  if (elementBytes !== 4) return cached;
  return operations.graph.operation('other', [cached], cached.shape, { element: 'f16' });
}

function scoreMatrix(
  context: AttentionContext,
  heads: CacheHeads,
  [query, key]: readonly [GraphTensor, GraphTensor],
  sinks: readonly GraphTensor[],
): GraphTensor {
  const { operations, worst, cache, traits } = context;
  const shape = [cache.cells, worst.tokens / worst.streams, heads.queryHeads, worst.streams];
  let scores = operations.graph.operation('multiply', [key, query], shape);
  if (traits.capsScores) {
    for (let step = 0; step < 3; step++) scores = operations.inPlace(scores);
  }
  return operations.inPlace(scores, cache.mask, ...sinks);
}

/** Expands latent results to heads: one product per head, then a contiguous copy. */
function decompressed(
  context: AttentionContext,
  flash: GraphTensor,
  decompress: GraphTensor | null,
  queryHeads: number,
): GraphTensor {
  if (decompress === null) return flash;
  const { graph } = context.operations;
  const { tokens } = context.worst;
  const permuted = graph.view(flash, [flash.shape[0], tokens, queryHeads], ' permuted');
  const rows = decompress.shape[1] ?? 1;
  const product = graph.operation('multiply', [decompress, permuted], [rows, tokens, queryHeads]);
  const back = graph.view(product, [rows, queryHeads, tokens], ' permuted');
  return graph.operation('other', [back], [rows, queryHeads, tokens]);
}

function expandParts(context: AttentionContext, { query, key, value }: AttentionParts): void {
  const { graph } = context.operations;
  graph.expand(query);
  const pair = context.worst.rules.valuesBeforeKeys ? [value, key] : [key, value];
  for (const part of pair) if (part !== null) graph.expand(part);
}

function storeParts(context: AttentionContext, layer: EngineLayer, { key, value }: AttentionParts): void {
  const { graph } = context.operations;
  const { cache, worst } = context;
  const target = graph.cache(0, layer.backend);
  if (key !== null) {
    graph.expand(
      graph.store(graph.view(key, [key.shape[0] * key.shape[1], worst.tokens]), target, cache.keyRows),
    );
  }
  if (value === null) return;
  const elements = value.shape[0] * value.shape[1];
  const rows = graph.view(value, [elements, worst.tokens], worst.flashAttention ? '' : ' transposed');
  graph.expand(graph.store(rows, target, cache.valueRows));
}

function cacheViews(
  context: AttentionContext,
  layer: EngineLayer,
  heads: CacheHeads,
  query: GraphTensor,
): { readonly query: GraphTensor; readonly key: GraphTensor; readonly value: GraphTensor } {
  const { graph } = context.operations;
  const { worst, cache } = context;
  const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = heads;
  const cached = graph.cache(0, layer.backend);
  return {
    query: graph.view(
      query,
      [keyHeadDim, worst.tokens / worst.streams, queryHeads, worst.streams],
      ' permuted',
    ),
    key: graph.cacheView(cached, [keyHeadDim, cache.cells, kvHeads, worst.streams], worst.keyElementBytes),
    value: graph.cacheView(
      cached,
      [valueHeadDim, cache.cells, kvHeads, worst.streams],
      worst.valueElementBytes,
    ),
  };
}
