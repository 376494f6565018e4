/**
 * Builds the graph that an engine reserves memory for: the whole model on its largest batch with full caches
 * (llama-context.cpp, graph_reserve; the builders of src/models/).
 */
import type { AttentionSpec } from '@plimsoll/model-files/spec';
import type { EngineLayer, EngineModel } from '../engine-model.ts';
import type { EngineRules } from '../engine-rules.ts';
import { headAttention } from './attention-graph.ts';
import type { AttentionContext, BlockInputs } from './attention-parts.ts';
import { blockInputs } from './block-sparse-attention-graph.ts';
import { compressedModelGraph, isCompressedModel } from './compressed-model-graph.ts';
import { feedForward } from './feed-forward-graph.ts';
import {
  type CacheInputs,
  type CacheRows,
  cacheInputs,
  type IndexerInputs,
  indexerInputs,
  type WorstCase,
} from './graph-inputs.ts';
import { GraphOperations } from './graph-operations.ts';
import { GraphBuilder, type GraphTensor } from './graph-tensor.ts';
import { latentAttention } from './latent-attention-graph.ts';
import { deltaNet, type RecurrentContext, shortConvolution, stateSpace } from './recurrent-graph.ts';

export interface GraphOptions {
  /** Backend that attention is pinned to when caches stay in host memory (`--no-kv-offload`); null otherwise. */
  readonly attentionPinnedTo: number | null;
  /** True if norms run on the backend of their own layer, not of the previous layer: the case if all layers are offloaded. */
  readonly normsPinned: boolean;
}

interface ModelInputs {
  readonly positions: GraphTensor;
  readonly outputRows: GraphTensor;
  readonly full: () => CacheInputs;
  readonly window: () => CacheInputs;
  readonly stateRows: () => GraphTensor;
  readonly blocks: () => BlockInputs;
  readonly indexer: (headDim: number) => IndexerInputs;
}

export function worstCaseGraph(model: EngineModel, worst: WorstCase, options: GraphOptions): GraphBuilder {
  if (isCompressedModel(model)) return compressedModelGraph(model, worst, options);
  const graph = new GraphBuilder();
  const operations = new GraphOperations(graph, model.traits.norm);
  const inputs = modelInputs(graph, model, worst);
  let stream = embed(model, operations, worst, inputs);
  for (const layer of model.layers) {
    const isLast = layer === model.layers.at(-1);
    operations.pinNorms(options.normsPinned ? (model.placement.layerBackends[layer.index] ?? null) : null);
    stream = layerGraph({ model, operations, worst, inputs, options }, layer, stream, isLast);
  }
  operations.pinNorms(null);
  let normed = operations.optionalNorm(model.weights, 'output_norm', stream);
  if (picksRowsLate(model, worst)) {
    normed = operations.rows(normed, inputs.outputRows, [normed.shape[0], worst.outputs]);
  }
  let logits = operations.linear(model.weights, 'output', normed) ?? normed;
  if (model.traits.scalesLogits) logits = operations.inPlace(logits);
  graph.expand(logits);
  return graph;
}

function picksRowsLate({ traits }: EngineModel, { rules }: WorstCase): boolean {
  return traits.picksRowsLate && rules.lateRows;
}

function modelInputs(graph: GraphBuilder, model: EngineModel, worst: WorstCase): ModelInputs {
  const sizes = cacheRows(model, worst);
  const hasStates = model.layers.some((layer) => isRecurrent(layer));
  const stateRows = hasStates ? graph.input('i32', worst.sequences) : null;
  let indexer: IndexerInputs | null = null;
  const full = once(() => cacheInputs(graph, worst, worst.cells, sizes));
  return {
    positions: graph.input('i32', worst.tokens * model.traits.positionsPerToken),
    outputRows: graph.input('i32', worst.outputs),
    full,
    blocks: once(() => blockInputs(graph, worst, full())),
    indexer: (headDim) => {
      indexer ??= indexerInputs(graph, worst, headDim);
      return indexer;
    },
    window: once(() => cacheInputs(graph, worst, worst.windowCells, sizes)),
    stateRows: () => (stateRows === null ? graph.input('i32', worst.sequences) : stateRows),
  };
}

function once<Value>(make: () => Value): () => Value {
  let value: Value | undefined;
  return () => {
    value ??= make();
    return value;
  };
}

function cacheRows(model: EngineModel, { rules }: WorstCase): CacheRows {
  const headed = model.layers.map(({ attention }) => attention).filter((attention) => 'kvHeads' in attention);
  const common = (sizes: readonly number[]): number => (new Set(sizes).size === 1 ? (sizes[0] ?? 0) : 0);
  return {
    valueElements: model.layers.reduce(
      (most, { attention }) => Math.max(most, valueWidth(attention, rules)),
      0,
    ),
    keyHeadDim: common(headed.map((attention) => attention.keyHeadDim)),
    valueHeadDim: common(headed.map((attention) => attention.valueHeadDim)),
  };
}

function valueWidth(attention: AttentionSpec, rules: EngineRules): number {
  if (attention.kind === 'mla') return rules.latentValuesShared ? 0 : attention.kvLoraRank;
  return 'kvHeads' in attention ? attention.kvHeads * attention.valueHeadDim : 0;
}

function isRecurrent({ attention, weights }: EngineLayer): boolean {
  return attention.kind === 'linear' || attention.kind === 'ssm' || weights.has('shortconv.conv.weight');
}

function embed(
  model: EngineModel,
  operations: GraphOperations,
  worst: WorstCase,
  inputs: ModelInputs,
): GraphTensor {
  const { graph } = operations;
  const { hiddenSize, weights, traits } = model;
  const shape = [hiddenSize, worst.tokens];
  const table = weights.get('token_embd.weight');
  const ids = graph.input('i32', worst.tokens);
  let stream =
    table === undefined
      ? graph.input('f32', ...shape)
      : operations.rows(operations.weight(table), ids, shape);
  if (worst.rules.embeddingInput) {
    graph.expand(stream);
    graph.expand(graph.input('f32', ...shape));
  }
  if (traits.scalesEmbeddings) stream = operations.inPlace(stream);
  const positionTable = weights.get('position_embd.weight');
  if (positionTable !== undefined) {
    stream = operations.inPlace(
      stream,
      operations.rows(operations.weight(positionTable), inputs.positions, shape),
    );
  }
  return stream;
}

interface LayerContext {
  readonly model: EngineModel;
  readonly operations: GraphOperations;
  readonly worst: WorstCase;
  readonly inputs: ModelInputs;
  readonly options: GraphOptions;
}

function layerGraph(
  context: LayerContext,
  layer: EngineLayer,
  stream: GraphTensor,
  isLast: boolean,
): GraphTensor {
  const { operations, worst, model } = context;
  const { weights } = layer;
  const { traits } = model;
  const { rules } = worst;
  const normed = operations.optionalNorm(weights, 'attn_norm', stream);
  let attended = mixTokens(context, layer, normed);
  let residual = stream;
  let parallel = normed;
  if (isLast && !picksRowsLate(model, worst)) {
    const pick = (tensor: GraphTensor): GraphTensor =>
      operations.rows(tensor, context.inputs.outputRows, [tensor.shape[0], worst.outputs]);
    residual = pick(residual);
    if (attended !== null) attended = pick(attended);
    if (traits.parallelBlocks) parallel = pick(parallel);
  }
  const norms = normNames(layer);
  if (attended !== null) attended = operations.optionalNorm(weights, norms.afterAttention, attended);
  if (traits.parallelBlocks) {
    const fed = feedForward({ operations, traits, rules }, layer, parallel);
    const sum = operations.inPlace(fed, residual);
    return attended === null ? sum : operations.inPlace(sum, attended);
  }
  const middle = attended === null ? residual : operations.inPlace(attended, residual);
  if (layer.mlp.kind === 'none') return middle;
  const input = operations.optionalNorm(weights, norms.beforeFeedForward, middle);
  const fed = feedForward({ operations, traits, rules }, layer, input);
  return operations.inPlace(operations.optionalNorm(weights, 'post_ffw_norm', fed), middle);
}

/**
 * Names the norms of a layer. `post_attention_norm` normalises the result of attention (gemma2, glm4, olmo2), or the input
 * of the feed-forward where no other norm does (gpt-oss, glm4moe, qwen3next).
 */
function normNames({ weights }: EngineLayer): {
  readonly afterAttention: string;
  readonly beforeFeedForward: string;
} {
  if (weights.has('ffn_norm.weight') || weights.has('post_ffw_norm.weight')) {
    return { afterAttention: 'post_attention_norm', beforeFeedForward: 'ffn_norm' };
  }
  return { afterAttention: 'absent', beforeFeedForward: 'post_attention_norm' };
}

/** Attention or its replacement; null for layers without either. */
function mixTokens(context: LayerContext, layer: EngineLayer, input: GraphTensor): GraphTensor | null {
  const { operations, worst, inputs, model } = context;
  const { attention } = layer;
  const recurrent = (): RecurrentContext => ({ operations, worst, stateRows: inputs.stateRows() });
  if (layer.weights.has('shortconv.conv.weight')) {
    return shortConvolution(recurrent(), layer, model.hiddenSize, input);
  }
  switch (attention.kind) {
    case 'linear':
      return deltaNet(recurrent(), layer, attention, input);
    case 'ssm':
      return stateSpace(recurrent(), layer, attention, input);
    case 'mla':
      return latentAttention(attentionContext(context, inputs.full()), layer, attention, input);
    case 'full':
      return headAttention(attentionContext(context, inputs.full()), layer, attention, input);
    case 'sliding':
    case 'chunked': {
      const cache = worst.windowCells > 0 ? inputs.window() : inputs.full();
      return headAttention(attentionContext(context, cache), layer, attention, input);
    }
    case 'compressed':
    case 'none':
      return null;
  }
}

function attentionContext(context: LayerContext, cache: CacheInputs): AttentionContext {
  const { operations, worst, inputs, model, options } = context;
  return {
    operations,
    traits: model.traits,
    worst,
    positions: inputs.positions,
    cache,
    pinnedTo: options.attentionPinnedTo,
    blocks: inputs.blocks,
    indexer: inputs.indexer,
  };
}
