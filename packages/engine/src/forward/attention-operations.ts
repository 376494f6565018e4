/**
 * Attention of one layer. q, k and v are consecutive, contiguous parts of `projections`, so that operations can
 * normalise heads and add biases. A fused matrix writes one row per token instead, which holds q, k and v.
 *
 *   separate   [tokens, heads x dim] q | [tokens, kvHeads x dim] k | [tokens, kvHeads x dim] v
 *   fused      [tokens, (q | k | v)]
 *
 * A layer that reads the cache of an earlier layer computes only queries.
 */
import { defined } from '@plimsoll/foundation';
import type { LayerWeightName } from '../model/graph.ts';
import { pushJoined } from './draft-operations.ts';
import { joinResidual, type OperationList, weightOf } from './operation-list.ts';
import type { PlacedLayer, PlacedWeight } from './placed-model.ts';
import type { RotationTables } from './step-tables.ts';
import type { Turn, Walk } from './walk.ts';

interface Queries {
  readonly queries: number;
  readonly queryStrideBytes: number;
}

/** Null if the layer reads the keys and values of an earlier layer. */
type KeysAndValues = {
  readonly keys: number;
  readonly values: number;
  readonly keyStrideBytes: number;
} | null;

export function* pushAttention(walk: Walk, layer: PlacedLayer, rotations: RotationTables): Turn<void> {
  const { attention } = layer.graph;
  const { list } = walk;
  const { buffers } = list.layout;
  if (attention.joined === null)
    list.norm(buffers.hidden, buffers.normed, weightOf(layer, attention.norm.weight), attention.norm);
  else pushJoined(list, layer, attention.joined);
  const [queries, own] = attention.fused ? projectFused(list, layer) : projectApart(list, layer);
  rotate(list, layer, rotations, [queries, own]);
  if (own !== null) store(list, layer, own);
  // The cache of another layer may lie in another arena: the queries move there, and the attention output moves back.
  const count = list.tokens * attention.heads * attention.headDim;
  yield* walk.moveTo(layer.kv.arena, [{ buffer: 'projections', count }]);
  attend(walk.list, layer, queries.queryStrideBytes);
  yield* walk.moveTo(layer.arena, [{ buffer: 'attended', count }]);
  finish(walk.list, layer);
}

function rotate(
  list: OperationList,
  { graph: { attention } }: PlacedLayer,
  rotations: RotationTables,
  [{ queries, queryStrideBytes }, own]: readonly [Queries, KeysAndValues],
): void {
  const { heads, kvHeads, headDim, rotation } = attention;
  const { rotaryDim, pairs, pointer: table } = rotations.at(list.layout.arena, rotation);
  const rope = { op: 'rope', table, tokens: list.tokens, headDim, rotaryDim, pairs } as const;
  list.push({ ...rope, values: queries, heads, strideBytes: queryStrideBytes });
  if (own !== null) list.push({ ...rope, values: own.keys, heads: kvHeads, strideBytes: own.keyStrideBytes });
}

/** The paged cache that a layer reads, and the tables of the cache's group. */
function poolOf(list: OperationList, { kv, graph }: PlacedLayer) {
  const { kvHeads, headDim } = graph.attention;
  const { group, arena: _, ...place } = kv;
  const tables = defined(list.layout.groups[group], `there is a cache group ${group}`);
  return { tables, pool: { ...place, kvHeads, headDim } };
}

function store(list: OperationList, layer: PlacedLayer, own: NonNullable<KeysAndValues>): void {
  const { tables, pool } = poolOf(list, layer);
  const { keys, values, keyStrideBytes: strideBytes } = own;
  const { tokens } = list;
  list.push({ op: 'kv-store', ...pool, keys, values, strideBytes, slots: tables.slots, tokens });
}

function attend(list: OperationList, layer: PlacedLayer, queryStrideBytes: number): void {
  const { heads, headDim, scale, window, softCap } = layer.graph.attention;
  const { buffers, positions, attentionScratch } = list.layout;
  const { tables, pool } = poolOf(list, layer);
  list.push({
    op: 'attention',
    ...pool,
    queries: buffers.projections,
    queryStrideBytes,
    output: buffers.attended,
    outputStrideBytes: 4 * heads * headDim,
    tables: tables.addresses,
    positions,
    tokens: list.tokens,
    heads,
    scale,
    window,
    softCap,
    scratch: attentionScratch,
  });
}

function finish(list: OperationList, layer: PlacedLayer): void {
  const { attended } = list.layout.buffers;
  const { postNorm } = layer.graph.attention;
  const bias = layer.weights.get('attn_output.bias') ?? null;
  joinResidual(list, attended, { layer, output: 'attn_output.weight', postNorm, bias });
}

/** The rows that q, k and v are computed from. */
function inputOf({ layout: { buffers } }: OperationList, { graph }: PlacedLayer): number {
  return graph.attention.joined === null ? buffers.normed : buffers.joined;
}

function projectFused(list: OperationList, layer: PlacedLayer): readonly [Queries, KeysAndValues] {
  const { heads, kvHeads, headDim } = layer.graph.attention;
  const { projections: queries } = list.layout.buffers;
  const weight = weightOf(layer, 'attn_qkv.weight');
  list.products(inputOf(list, layer), [{ weight, output: queries }]);
  const keys = queries + 4 * heads * headDim;
  const strideBytes = 4 * weight.rows;
  const values = keys + 4 * kvHeads * headDim;
  return [
    { queries, queryStrideBytes: strideBytes },
    { keys, values, keyStrideBytes: strideBytes },
  ];
}

function projectApart(list: OperationList, layer: PlacedLayer): readonly [Queries, KeysAndValues] {
  const { heads, kvHeads, headDim, headNorms, values: kind, sharesKvWithLayer } = layer.graph.attention;
  const { tokens } = list;
  const { projections: queries } = list.layout.buffers;
  const [queryStrideBytes, keyStrideBytes] = [4 * heads * headDim, 4 * kvHeads * headDim];
  const keys = queries + tokens * queryStrideBytes;
  const values = keys + tokens * keyStrideBytes;
  const hasOwn = sharesKvWithLayer === null;
  list.products(inputOf(list, layer), [
    { weight: weightOf(layer, 'attn_q.weight'), output: queries },
    ...(hasOwn ? [{ weight: weightOf(layer, 'attn_k.weight'), output: keys }] : []),
    ...(hasOwn && kind !== 'keys' ? [{ weight: weightOf(layer, 'attn_v.weight'), output: values }] : []),
  ]);
  const addBias = (name: LayerWeightName, target: number): void => {
    const bias: PlacedWeight | undefined = layer.weights.get(name);
    if (bias !== undefined) list.add(target, bias.pointer, tokens * bias.columns, bias.columns);
  };
  addBias('attn_q.bias', queries);
  addBias('attn_k.bias', keys);
  addBias('attn_v.bias', values);
  const [rows, kvRows] = [tokens * heads, tokens * kvHeads];
  if (hasOwn && kind !== 'plain') {
    list.normPlain(kind === 'keys' ? keys : values, values, { rows: kvRows, columns: headDim });
  }
  if (headNorms !== null) {
    const { offset } = headNorms;
    list.norm(queries, queries, weightOf(layer, 'attn_q_norm.weight'), { offset, rows });
    if (hasOwn) list.norm(keys, keys, weightOf(layer, 'attn_k_norm.weight'), { offset, rows: kvRows });
  }
  return [{ queries, queryStrideBytes }, hasOwn ? { keys, values, keyStrideBytes } : null];
}
