/**
 * Block-sparse attention of MiniMax M3 (src/models/minimax-m3.cpp): an indexer with one head per group of queries scores blocks
 * of tokens, and flash attention reads the best blocks of each group through a mask of its own.
 */
import { defined } from '@plimsoll/foundation';
import type { EngineLayer } from '../engine-model.ts';
import type { AttentionContext, AttentionParts, BlockInputs, HeadAttention } from './attention-parts.ts';
import type { CacheInputs, WorstCase } from './graph-inputs.ts';
import type { GraphBuilder, GraphTensor } from './graph-tensor.ts';

type SparseContext = Omit<AttentionContext, 'blocks'> & { readonly blocks: BlockInputs };

/** Tokens of a block. */
const blockTokens = 128;

/** Positions of an empty cache (get_n_pos): the reserved graph scores no more, and grows with the conversation. */
const reservedPositions = 256;

/** Sparse layers need flash attention, and a cache per sequence: in a unified cache of several slots they read everything. */
export function readsBlocks(
  { flashAttention, rules, streams, slots }: WorstCase,
  { indexer }: HeadAttention,
): boolean {
  return indexer !== undefined && rules.sparseIndexers && flashAttention && (slots === 1 || streams > 1);
}

export function blockInputs(graph: GraphBuilder, worst: WorstCase, cache: CacheInputs): BlockInputs {
  const { tokens, streams } = worst;
  const positions = Math.min(reservedPositions, cache.cells);
  return {
    indexerRows: graph.input('i64', tokens),
    nearBlocks: graph.input('f32', positions / blockTokens, tokens),
    visible: graph.input('f32', positions, tokens),
    cellOfPosition: graph.input('i32', positions, streams),
    blockOfCell: graph.input('i32', cache.cells, streams),
    fullMask: graph.operation('other', [cache.mask], cache.mask.shape),
  };
}

/** Attention over the chosen blocks; returns [heads x size, tokens]. */
export function blockSparseAttention(
  context: SparseContext,
  layer: EngineLayer,
  attention: HeadAttention,
  { input, parts }: { readonly input: GraphTensor; readonly parts: AttentionParts },
): GraphTensor {
  const { operations, worst } = context;
  const { graph } = operations;
  const queries = indexerQueries(context, layer, attention, input);
  const { query, key, value } = parts;
  const owned = { query, key: defined(key, 'a sparse layer has keys'), value: defined(value, 'and values') };
  for (const part of [owned.query, owned.key, owned.value]) graph.expand(part);
  const stored = (part: GraphTensor, rows: GraphTensor | null): void => {
    const flat = graph.view(part, [part.shape[0] * part.shape[1], worst.tokens]);
    graph.expand(graph.store(flat, graph.cache(0, layer.backend), rows));
  };
  stored(owned.key, context.cache.keyRows);
  stored(owned.value, context.cache.valueRows);
  const outputs = Array.from({ length: worst.streams }, (_, stream) =>
    streamAttention(context, layer, attention, { query, queries, stream }),
  );
  return outputs.reduce((joined, output) => {
    const [width, tokens] = joined.shape;
    return graph.operation('other', [joined, output], [width, tokens + output.shape[1]]);
  });
}

/** Stores the indexer's keys and returns its queries, [size, heads, tokens]. */
function indexerQueries(
  context: SparseContext,
  layer: EngineLayer,
  { indexer }: HeadAttention,
  input: GraphTensor,
): GraphTensor {
  const { operations, worst, positions, blocks } = context;
  const { graph } = operations;
  const { heads, headDim } = defined(indexer, 'a sparse layer has an indexer');
  const turned = (part: 'q' | 'k', count: number): GraphTensor => {
    const flat = operations.linear(layer.weights, `indexer.${part}_proj`, input) ?? input;
    const split = graph.view(flat, [headDim, count, worst.tokens]);
    const normal = operations.norm(layer.weights, `indexer.${part}_norm`, split);
    return graph.operation('rope', [normal, positions], normal.shape);
  };
  const queries = turned('q', heads);
  const keys = turned('k', 1);
  const flat = graph.view(keys, [headDim, worst.tokens]);
  graph.expand(graph.store(flat, graph.cache(0, layer.backend), blocks.indexerRows));
  return queries;
}

interface StreamParts {
  readonly query: GraphTensor;
  readonly queries: GraphTensor;
  readonly stream: number;
}

function streamAttention(
  context: SparseContext,
  layer: EngineLayer,
  attention: HeadAttention,
  { query, queries, stream }: StreamParts,
): GraphTensor {
  const { operations, worst, cache } = context;
  const { graph } = operations;
  const { queryHeads, kvHeads, keyHeadDim, valueHeadDim } = attention;
  const tokens = worst.tokens / worst.streams;
  const chosen = chosenBlocks(context, layer, attention, { queries, stream });
  const mask = blockMask(context, attention, { chosen, stream });
  const group = queryHeads / kvHeads;
  const own = graph.view(query, [keyHeadDim, queryHeads, tokens], ` stream ${stream}`);
  const grouped = graph.view(
    graph.view(own, [keyHeadDim, group, kvHeads, tokens]),
    [keyHeadDim, tokens, group, kvHeads],
    ' permuted',
  );
  const cached = (dim: number, bytes: number): GraphTensor =>
    graph.cacheView(graph.cache(0, layer.backend), [dim, cache.cells, 1, kvHeads], bytes);
  const keys = cached(keyHeadDim, worst.keyElementBytes);
  const values = cached(valueHeadDim, worst.valueElementBytes);
  const shape = [valueHeadDim, group, tokens, kvHeads];
  const flash = graph.operation('flash-attention', [grouped, keys, values, mask], shape);
  const back = graph.view(flash, [valueHeadDim, group, kvHeads, tokens], ' permuted');
  return graph.view(operations.contiguous(back, [valueHeadDim, group, kvHeads, tokens]), [
    valueHeadDim * queryHeads,
    tokens,
  ]);
}

/** Indices of the best blocks, [blocks, groups, tokens]. */
function chosenBlocks(
  context: SparseContext,
  layer: EngineLayer,
  { indexer }: HeadAttention,
  { queries, stream }: { readonly queries: GraphTensor; readonly stream: number },
): GraphTensor {
  const { operations, worst, cache, blocks } = context;
  const { graph } = operations;
  const { heads, headDim, topK } = defined(indexer, 'a sparse layer has an indexer');
  const tokens = worst.tokens / worst.streams;
  const positions = blocks.visible.shape[0];
  const count = positions / blockTokens;
  const cached = graph.cacheView(
    graph.cache(0, layer.backend),
    [headDim, cache.cells],
    worst.keyElementBytes,
  );
  const places = graph.view(blocks.cellOfPosition, [positions], ` stream ${stream}`);
  const keys = operations.rows(cached, places, [headDim, positions]);
  const own = graph.view(queries, [headDim, heads, tokens], ` stream ${stream}`);
  const products = operations.multiply(keys, graph.view(own, [headDim, heads * tokens]), positions);
  const scores = graph.view(products, [positions, heads, tokens]);
  const hidden = graph.accumulate(
    scores,
    graph.view(blocks.visible, [positions, 1, tokens], ` stream ${stream}`),
  );
  const best = graph.operation('other', [hidden], [count, heads, tokens]);
  const biased = operations.inPlace(
    best,
    graph.view(blocks.nearBlocks, [count, 1, tokens], ` stream ${stream}`),
  );
  const kept = Math.min(topK / blockTokens, count);
  return graph.operation('other', [biased], [kept, heads, tokens], { element: 'i32' });
}

/** The mask over cells that opens the chosen blocks, [cells, tokens, 1, groups] in F16. */
function blockMask(
  { operations, worst, cache, blocks }: SparseContext,
  { indexer }: HeadAttention,
  { chosen, stream }: { readonly chosen: GraphTensor; readonly stream: number },
): GraphTensor {
  const { graph } = operations;
  const { heads } = defined(indexer, 'a sparse layer has an indexer');
  const tokens = worst.tokens / worst.streams;
  const count = blocks.nearBlocks.shape[0];
  const { cells } = cache;
  const half = { element: 'f16' } as const;
  const near = graph.view(blocks.nearBlocks, [count, 1, tokens], ` stream ${stream}`);
  const closed = graph.operation('other', [operations.inPlace(near)], [count, 1, tokens], half);
  const closedPerGroup = graph.operation('other', [closed], [count, heads, tokens], half);
  const zeros = operations.inPlace(graph.operation('other', [chosen], chosen.shape));
  const opened = graph.store(
    graph.view(zeros, [1, chosen.shape[0], heads * tokens]),
    graph.view(closedPerGroup, [1, count, heads * tokens]),
    graph.view(chosen, [chosen.shape[0], heads * tokens]),
  );
  const byGroup = graph.view(graph.view(opened, [count, heads, tokens]), [count, tokens, heads], ' permuted');
  const ordered = graph.operation('other', [byGroup], [count, tokens, heads], half);
  const flat = graph.view(
    graph.view(ordered, [count, tokens * heads]),
    [tokens * heads, count],
    ' transposed',
  );
  const turned = graph.operation('other', [flat], [tokens * heads, count], half);
  const places = graph.view(blocks.blockOfCell, [cells], ` stream ${stream}`);
  const perCell = operations.rows(turned, places, [tokens * heads, cells]);
  const back = operations.contiguous(graph.view(perCell, [cells, tokens * heads], ' transposed'), [
    cells,
    tokens * heads,
  ]);
  const full = graph.view(blocks.fullMask, [cells, tokens], ` stream ${stream}`);
  const masked = graph.accumulate(graph.view(back, [cells, tokens, heads]), full);
  return graph.operation(
    'other',
    [graph.view(masked, [cells, tokens, 1, heads])],
    [cells, tokens, 1, heads],
    half,
  );
}
