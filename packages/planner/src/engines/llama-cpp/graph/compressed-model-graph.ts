/** The worst-case graph of DeepSeek V4 (src/models/deepseek4.cpp): residual streams around compressed attention and experts. */
import { defined } from '@plimsoll/foundation';
import { compressedCells, overlappingRatio } from '../cache-buffers.ts';
import type { EngineModel } from '../engine-model.ts';
import {
  type CompressedAttention,
  type CompressedInputs,
  compressedAttention,
} from './compressed-attention-graph.ts';
import { type CompressorInputs, compressorInputs } from './compressor-graph.ts';
import { feedForward } from './feed-forward-graph.ts';
import { rotationSize, type WorstCase } from './graph-inputs.ts';
import { GraphOperations } from './graph-operations.ts';
import { GraphBuilder } from './graph-tensor.ts';
import { headOfStreams, mixStreams, returnToStreams } from './hyper-connection-graph.ts';

export interface StreamGraphOptions {
  readonly normsPinned: boolean;
}

export function isCompressedModel({ layers }: EngineModel): boolean {
  return layers.some(({ attention }) => attention.kind === 'compressed');
}

export function compressedModelGraph(
  model: EngineModel,
  worst: WorstCase,
  { normsPinned }: StreamGraphOptions,
): GraphBuilder {
  const graph = new GraphBuilder();
  const operations = new GraphOperations(graph, model.traits.norm);
  const { hiddenSize, weights, traits } = model;
  const { tokens, outputs, rules } = worst;
  const tokenIds = graph.input('i32', tokens);
  const table = defined(weights.get('token_embd.weight'), 'the file has an embedding');
  const embedded = operations.rows(operations.weight(table), tokenIds, [hiddenSize, tokens]);
  if (rules.embeddingInput) {
    graph.expand(embedded);
    graph.expand(graph.input('f32', hiddenSize, tokens));
  }
  const outputRows = graph.input('i32', outputs);
  const inputs = compressedInputs(graph, model, worst);
  graph.expand(inputs.windowMask);
  const count = streamCount(model);
  const spread = graph.view(embedded, [hiddenSize, 1, tokens]);
  let streams = graph.operation('other', [spread], [hiddenSize, count, tokens]);
  for (const layer of model.layers) {
    operations.pinNorms(normsPinned ? (model.placement.layerBackends[layer.index] ?? null) : null);
    const { attention } = layer;
    if (attention.kind !== 'compressed') continue;
    const before = mixStreams(operations, layer.weights, 'hc_attn', streams);
    const input = operations.norm(layer.weights, 'attn_norm', before.input);
    const attended = compressedAttention({ operations, worst, inputs, layer, attention }, input);
    streams = returnToStreams(operations, attended, streams, before);
    const middle = mixStreams(operations, layer.weights, 'hc_ffn', streams);
    for (const part of [streams, middle.post, middle.between]) graph.expand(part);
    const normed = operations.norm(layer.weights, 'ffn_norm', middle.input);
    const fed = feedForward({ operations, traits, rules, tokenIds }, layer, normed);
    streams = returnToStreams(operations, fed, streams, middle);
  }
  operations.pinNorms(null);
  const flat = graph.view(streams, [hiddenSize * count, tokens]);
  const picked = operations.rows(flat, outputRows, [hiddenSize * count, outputs]);
  const head = headOfStreams(operations, weights, graph.view(picked, [hiddenSize, count, outputs]));
  const normal = operations.norm(weights, 'output_norm', head);
  graph.expand(operations.linear(weights, 'output', normal) ?? normal);
  return graph;
}

/** The matrix that mixes the streams has a column per element of all streams. */
function streamCount({ hiddenSize, weights }: EngineModel): number {
  const columns = weights.get('output_hc_fn.weight')?.shape.at(-1) ?? hiddenSize;
  return columns / hiddenSize;
}

function compressedInputs(graph: GraphBuilder, model: EngineModel, worst: WorstCase): CompressedInputs {
  const { tokens, streams, windowCells, cells, flashAttention, rules, keyElementBytes } = worst;
  const attention = model.layers
    .map((layer) => layer.attention)
    .find((candidate): candidate is CompressedAttention => candidate.kind === 'compressed');
  const latentDim = attention?.latentDim ?? 0;
  // Elements below two bytes exist in block types alone.
  const latentRotation = keyElementBytes < 2 && rules.rotatesQuantisedCache ? rotationSize(latentDim) : 0;
  const known = new Map<number, CompressorInputs>();
  const compressor = (ratio: number): CompressorInputs => {
    const made =
      known.get(ratio) ??
      compressorInputs(graph, worst, {
        ratio,
        entries: compressedCells(cells, ratio),
        halfMask: flashAttention,
        rotationSize: latentRotation,
      });
    known.set(ratio, made);
    return made;
  };
  let indexer: CompressorInputs | null = null;
  const headDim = model.layers.reduce((most, layer) => {
    const own = layer.attention.kind === 'compressed' ? layer.attention.indexer?.headDim : undefined;
    return Math.max(most, own ?? 0);
  }, 0);
  return {
    positions: graph.input('i32', tokens),
    windowRows: graph.input('i64', tokens),
    windowMask: graph.input(flashAttention ? 'f16' : 'f32', windowCells, tokens / streams, 1, streams),
    windowRotation: latentRotation === 0 ? null : graph.input('f32', latentRotation, latentRotation),
    compressor,
    indexer: () => {
      indexer ??= compressorInputs(graph, worst, {
        ratio: overlappingRatio,
        entries: compressedCells(cells, overlappingRatio),
        halfMask: rules.fusedIndexer,
        rotationSize: rotationSize(headDim),
      });
      return indexer;
    },
  };
}
