/**
 * Latent attention (llama.cpp, deepseek2). With absorbed matrices the cache holds the latent, and attention has one wide key
 * head. Without them the graph expands keys and values to all heads and caches these.
 */
import type { AttentionSpec } from '@plimsoll/model-files/spec';
import type { EngineLayer } from '../engine-model.ts';
import { attend } from './attention-graph.ts';
import type { AttentionContext } from './attention-parts.ts';
import type { GraphTensor } from './graph-tensor.ts';
import { bestEntries, maskOfChosen } from './indexer-graph.ts';

export type LatentAttention = Extract<AttentionSpec, { readonly kind: 'mla' }>;

export function latentAttention(
  context: AttentionContext,
  layer: EngineLayer,
  attention: LatentAttention,
  input: GraphTensor,
): GraphTensor {
  const { operations, worst } = context;
  const { graph } = operations;
  const { weights } = layer;
  const { queryHeads, ropeHeadDim, nopeHeadDim, kvLoraRank } = attention;
  const { tokens } = worst;
  const { query, lowRank } = latentQuery(context, layer, input);
  const chosen = chosenTokens(context, layer, attention, { input, lowRank });
  const plainQuery = graph.view(query, [nopeHeadDim, queryHeads, tokens], ' plain part');
  const turnedQuery = graph.view(query, [ropeHeadDim, queryHeads, tokens], ' turned part');
  const latent = operations.linear(weights, 'attn_kv_a_mqa', input) ?? input;
  const compressed = graph.view(latent, [kvLoraRank, tokens], ' latent part');
  const turnedKey = graph.view(latent, [ropeHeadDim, 1, tokens], ' turned part');
  const settled = (part: GraphTensor): GraphTensor =>
    worst.rules.copiesLatentParts ? operations.contiguous(part, part.shape) : part;
  const rotated = {
    query: graph.operation('rope', [settled(turnedQuery), context.positions], turnedQuery.shape),
    key: graph.operation('rope', [settled(turnedKey), context.positions], turnedKey.shape),
  };
  const normed = operations.norm(weights, 'attn_kv_a_norm', settled(compressed));
  const parts = { plainQuery, rotated, normed };
  const attended = weights.has('attn_k_b.weight')
    ? absorbed(chosen === null ? context : readingChosen(context, chosen), layer, attention, parts)
    : expanded(context, layer, attention, parts);
  return operations.linear(weights, 'attn_output', attended) ?? attended;
}

interface LatentParts {
  readonly plainQuery: GraphTensor;
  readonly rotated: { readonly query: GraphTensor; readonly key: GraphTensor };
  readonly normed: GraphTensor;
}

interface LatentQuery {
  readonly query: GraphTensor;
  /** The low-rank query, which an indexer reads too; the input where queries have full rank. */
  readonly lowRank: GraphTensor;
}

function latentQuery(
  { operations }: AttentionContext,
  { weights }: EngineLayer,
  input: GraphTensor,
): LatentQuery {
  const direct = operations.linear(weights, 'attn_q', input);
  if (direct !== null) return { query: direct, lowRank: input };
  const down = operations.linear(weights, 'attn_q_a', input) ?? input;
  const lowRank = operations.norm(weights, 'attn_q_a_norm', down);
  return { query: operations.linear(weights, 'attn_q_b', lowRank) ?? lowRank, lowRank };
}

/** Indices of the tokens that the indexer of the layer scores highest; null for layers without an indexer. */
function chosenTokens(
  context: AttentionContext,
  layer: EngineLayer,
  { indexer }: LatentAttention,
  { input, lowRank }: { readonly input: GraphTensor; readonly lowRank: GraphTensor },
): GraphTensor | null {
  const { operations, worst, positions, cache } = context;
  const { weights } = layer;
  if (indexer === undefined || !worst.rules.sparseIndexers || !weights.has('indexer.attn_k.weight'))
    return null;
  const { graph } = operations;
  const { heads, headDim, topK } = indexer;
  const { mask, rows, rotation } = context.indexer(headDim);
  const { tokens, streams } = worst;
  const turned = (part: GraphTensor, count: number): GraphTensor => {
    const split = graph.view(part, [headDim, count, tokens]);
    const rotated = graph.operation('rope', [split, positions], split.shape);
    return rotation === null ? rotated : operations.multiply(rotation, rotated, headDim);
  };
  const query = turned(operations.linear(weights, 'indexer.attn_q_b', lowRank) ?? lowRank, heads);
  const projected = operations.linear(weights, 'indexer.attn_k', input) ?? input;
  const centred = graph.operation('other', [projected], projected.shape);
  const scaled = operations.addWeight(weights, 'indexer.k_norm.weight', centred);
  const key = turned(operations.addWeight(weights, 'indexer.k_norm.bias', scaled), 1);
  graph.expand(graph.store(graph.view(key, [headDim, tokens]), graph.cache(0, layer.backend), rows));
  const perStream = tokens / streams;
  const shares = graph.view(operations.linear(weights, 'indexer.proj', input) ?? input, [
    heads,
    perStream,
    1,
    streams,
  ]);
  const keys = graph.cacheView(
    graph.cache(0, layer.backend),
    [headDim, 1, cache.cells, streams],
    worst.keyElementBytes,
  );
  const scored = {
    query: graph.view(query, [headDim, heads, perStream, streams]),
    key: keys,
    weights: operations.inPlace(shares),
    mask,
  };
  return bestEntries(context, scored, topK);
}

function readingChosen(context: AttentionContext, chosen: GraphTensor): AttentionContext {
  const { operations, cache } = context;
  const mask = maskOfChosen(operations, { mask: cache.mask, chosen, zeroElement: 'f32' });
  return { ...context, cache: { ...cache, mask } };
}

function absorbed(
  context: AttentionContext,
  layer: EngineLayer,
  attention: LatentAttention,
  { plainQuery, rotated, normed }: LatentParts,
): GraphTensor {
  const { operations, worst } = context;
  const { graph } = operations;
  const { queryHeads, ropeHeadDim, nopeHeadDim, kvLoraRank, valueHeadDim } = attention;
  const { tokens } = worst;
  const keyMatrix = layer.weights.get('attn_k_b.weight');
  const valueMatrix = layer.weights.get('attn_v_b.weight');
  if (keyMatrix === undefined || valueMatrix === undefined) return plainQuery;
  const permuted = graph.view(plainQuery, [nopeHeadDim, tokens, queryHeads], ' permuted');
  const keyWeight = operations.weight(keyMatrix);
  const lifted = graph.operation('multiply', [keyWeight, permuted], [kvLoraRank, tokens, queryHeads]);
  const back = graph.view(lifted, [kvLoraRank, queryHeads, tokens], ' permuted');
  const width = kvLoraRank + ropeHeadDim;
  const query = graph.operation('other', [rotated.query, back], [width, queryHeads, tokens]);
  const value = graph.view(normed, [kvLoraRank, 1, tokens]);
  const key = graph.operation('other', [rotated.key, value], [width, 1, tokens]);
  const decompress = graph.reshaped(operations.weight(valueMatrix), [
    kvLoraRank,
    valueHeadDim,
    queryHeads,
    1,
  ]);
  return attend(
    context,
    layer,
    { queryHeads, kvHeads: 1, keyHeadDim: width, valueHeadDim: kvLoraRank },
    { query, key, value, decompress },
  );
}

function expanded(
  context: AttentionContext,
  layer: EngineLayer,
  attention: LatentAttention,
  { plainQuery, rotated, normed }: LatentParts,
): GraphTensor {
  const { operations, worst } = context;
  const { graph } = operations;
  const { queryHeads, ropeHeadDim, nopeHeadDim, valueHeadDim } = attention;
  const { tokens } = worst;
  const both = operations.linear(layer.weights, 'attn_kv_b', normed) ?? normed;
  const plainKey = graph.view(both, [nopeHeadDim, queryHeads, tokens], ' plain part');
  const valueView = graph.view(both, [valueHeadDim, queryHeads, tokens], ' value part');
  const value = operations.contiguous(valueView, [valueHeadDim, queryHeads, tokens]);
  const keyHeadDim = nopeHeadDim + ropeHeadDim;
  const repeated = graph.operation('other', [rotated.key], [ropeHeadDim, queryHeads, tokens]);
  const join = (turned: GraphTensor, plain: GraphTensor): GraphTensor => {
    // Builds that cache the latent put the rotated part first, older builds put it last.
    const parts = worst.rules.latentCache ? [turned, plain] : [plain, turned];
    return graph.operation('other', parts, [keyHeadDim, queryHeads, tokens]);
  };
  const query = join(rotated.query, plainQuery);
  const key = join(repeated, plainKey);
  const heads = { queryHeads, kvHeads: queryHeads, keyHeadDim, valueHeadDim };
  return attend(context, layer, heads, { query, key, value });
}
