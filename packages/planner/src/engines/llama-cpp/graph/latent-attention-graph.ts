/**
 * Latent attention (llama.cpp, deepseek2). With absorbed matrices the cache holds the latent, and attention has one wide key
 * head. Without them the graph expands keys and values to all heads and caches these.
 */
import type { AttentionSpec } from '@plimsoll/model-files/spec';
import type { EngineLayer } from '../engine-model.ts';
import { type AttentionContext, attend } from './attention-graph.ts';
import type { GraphTensor } from './graph-tensor.ts';

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
  const query = latentQuery(context, layer, input);
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
    ? absorbed(context, layer, attention, parts)
    : expanded(context, layer, attention, parts);
  return operations.linear(weights, 'attn_output', attended) ?? attended;
}

interface LatentParts {
  readonly plainQuery: GraphTensor;
  readonly rotated: { readonly query: GraphTensor; readonly key: GraphTensor };
  readonly normed: GraphTensor;
}

function latentQuery(
  { operations }: AttentionContext,
  { weights }: EngineLayer,
  input: GraphTensor,
): GraphTensor {
  const direct = operations.linear(weights, 'attn_q', input);
  if (direct !== null) return direct;
  const down = operations.linear(weights, 'attn_q_a', input) ?? input;
  const normed = operations.norm(weights, 'attn_q_a_norm', down);
  return operations.linear(weights, 'attn_q_b', normed) ?? normed;
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
