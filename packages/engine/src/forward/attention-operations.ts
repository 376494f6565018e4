/**
 * Attention of one layer. q, k and v lie one behind the other in `projections`, each contiguous, so that heads can be
 * normed and biases added; a fused matrix writes them side by side in one row per token instead.
 *
 *   separate   [tokens, heads x dim] q | [tokens, kvHeads x dim] k | [tokens, kvHeads x dim] v
 *   fused      [tokens, (q | k | v)]
 */
import type { LayerWeightName } from '../model/graph.ts';
import { joinResidual, type OperationList, weightOf } from './operation-list.ts';
import type { PlacedLayer, PlacedWeight } from './placed-model.ts';
import type { RotationTables } from './step-tables.ts';

interface Projections {
  readonly queries: number;
  readonly keys: number;
  readonly values: number;
  readonly queryStrideBytes: number;
  readonly keyStrideBytes: number;
}

export function pushAttention(list: OperationList, layer: PlacedLayer, rotations: RotationTables): void {
  const { attention } = layer.graph;
  const { buffers, positions, attentionScratch, groups } = list.layout;
  const { tokens } = list;
  list.norm(buffers.hidden, buffers.normed, weightOf(layer, attention.norm.weight), attention.norm);
  const parts = attention.fused ? projectFused(list, layer) : projectApart(list, layer);
  const { heads, kvHeads, headDim, rotation } = attention;
  const { rotaryDim, pairs, pointer: table } = rotations.at(list.layout.arena, rotation);
  const rope = { op: 'rope', table, tokens, headDim, rotaryDim, pairs } as const;
  list.push(
    { ...rope, values: parts.queries, heads, strideBytes: parts.queryStrideBytes },
    { ...rope, values: parts.keys, heads: kvHeads, strideBytes: parts.keyStrideBytes },
  );
  const group = groups[layer.kv.group];
  if (group === undefined) return;
  const { group: _, ...place } = layer.kv;
  const pool = { ...place, kvHeads, headDim };
  const { keys, values, keyStrideBytes: strideBytes } = parts;
  list.push({ op: 'kv-store', ...pool, keys, values, strideBytes, slots: group.slots, tokens });
  list.push({
    op: 'attention',
    ...pool,
    queries: parts.queries,
    queryStrideBytes: parts.queryStrideBytes,
    output: buffers.attended,
    outputStrideBytes: 4 * heads * headDim,
    tables: group.addresses,
    positions,
    tokens,
    heads,
    scale: attention.scale,
    window: attention.window,
    softCap: attention.softCap,
    scratch: attentionScratch,
  });
  joinResidual(list, buffers.attended, { layer, output: 'attn_output.weight', postNorm: attention.postNorm });
  const bias = layer.weights.get('attn_output.bias');
  if (bias !== undefined) list.add(buffers.hidden, bias.pointer, tokens * bias.columns, bias.columns);
}

function projectFused(list: OperationList, layer: PlacedLayer): Projections {
  const { heads, kvHeads, headDim } = layer.graph.attention;
  const { projections: queries, normed } = list.layout.buffers;
  const weight = weightOf(layer, 'attn_qkv.weight');
  list.products(normed, [{ weight, output: queries }]);
  const keys = queries + 4 * heads * headDim;
  const strideBytes = 4 * weight.rows;
  const values = keys + 4 * kvHeads * headDim;
  return { queries, keys, values, queryStrideBytes: strideBytes, keyStrideBytes: strideBytes };
}

function projectApart(list: OperationList, layer: PlacedLayer): Projections {
  const { heads, kvHeads, headDim, headNorms } = layer.graph.attention;
  const { tokens } = list;
  const { projections: queries, normed } = list.layout.buffers;
  const [queryStrideBytes, keyStrideBytes] = [4 * heads * headDim, 4 * kvHeads * headDim];
  const keys = queries + tokens * queryStrideBytes;
  const values = keys + tokens * keyStrideBytes;
  list.products(normed, [
    { weight: weightOf(layer, 'attn_q.weight'), output: queries },
    { weight: weightOf(layer, 'attn_k.weight'), output: keys },
    { weight: weightOf(layer, 'attn_v.weight'), output: values },
  ]);
  const addBias = (name: LayerWeightName, target: number): void => {
    const bias: PlacedWeight | undefined = layer.weights.get(name);
    if (bias !== undefined) list.add(target, bias.pointer, tokens * bias.columns, bias.columns);
  };
  addBias('attn_q.bias', queries);
  addBias('attn_k.bias', keys);
  addBias('attn_v.bias', values);
  if (headNorms !== null) {
    const { offset } = headNorms;
    list.norm(queries, queries, weightOf(layer, 'attn_q_norm.weight'), { offset, rows: tokens * heads });
    list.norm(keys, keys, weightOf(layer, 'attn_k_norm.weight'), { offset, rows: tokens * kvHeads });
  }
  return { queries, keys, values, queryStrideBytes, keyStrideBytes };
}
