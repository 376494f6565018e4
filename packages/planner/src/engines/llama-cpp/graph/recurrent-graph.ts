/**
 * Layers with a state per sequence instead of a cache per token: gated delta nets (qwen3next, qwen35, kimi), Mamba, and
 * short convolutions (lfm2). The graph reads a state, updates it and writes it back (llama-graph.cpp, build_rs;
 * src/models/delta-net-base.cpp, mamba-base.cpp, lfm2.cpp).
 */
import type { AttentionSpec } from '@plimsoll/model-files/spec';
import type { EngineLayer } from '../engine-model.ts';
import type { WorstCase } from './graph-inputs.ts';
import type { GraphOperations } from './graph-operations.ts';
import type { GraphTensor } from './graph-tensor.ts';

export interface RecurrentContext {
  readonly operations: GraphOperations;
  readonly worst: WorstCase;
  /** Index of the stored state that each sequence continues. */
  readonly stateRows: GraphTensor;
}

type LinearAttention = Extract<AttentionSpec, { readonly kind: 'linear' }>;
type StateSpace = Extract<AttentionSpec, { readonly kind: 'ssm' }>;

/** Reads one state per sequence out of the layer's memory. */
function readState(
  { operations, worst, stateRows }: RecurrentContext,
  layer: EngineLayer,
  elements: number,
): GraphTensor {
  const { graph } = operations;
  const memory = graph.view(graph.cache(0, layer.backend), [elements, worst.sequences], ' state');
  const state = operations.rows(memory, stateRows, [elements, worst.sequences]);
  graph.expand(state);
  return state;
}

function writeState({ operations }: RecurrentContext, layer: EngineLayer, state: GraphTensor): void {
  const { graph } = operations;
  graph.expand(graph.store(state, graph.cache(0, layer.backend)));
}

/** Convolution over the tail of the previous tokens and this batch; returns [channels, tokens]. */
function convolve(
  context: RecurrentContext,
  layer: EngineLayer,
  mixed: GraphTensor,
  { channels, taps, kernel }: { readonly channels: number; readonly taps: number; readonly kernel: string },
): GraphTensor {
  const { operations, worst } = context;
  const { graph } = operations;
  const perSequence = worst.tokens / worst.sequences;
  const tail = readState(context, layer, (taps - 1) * channels);
  const tailView = graph.view(tail, [taps - 1, channels, worst.sequences]);
  const turned = graph.view(mixed, [perSequence, channels, worst.sequences], ' transposed');
  const input = graph.operation(
    'other',
    [tailView, turned],
    [perSequence + taps - 1, channels, worst.sequences],
  );
  writeState(context, layer, graph.view(input, [taps - 1, channels, worst.sequences], ' tail'));
  const weight = layer.weights.get(kernel);
  const sources = weight === undefined ? [input] : [input, operations.weight(weight)];
  return graph.operation('other', sources, [channels, perSequence, worst.sequences]);
}

export function deltaNet(
  context: RecurrentContext,
  layer: EngineLayer,
  attention: LinearAttention,
  input: GraphTensor,
): GraphTensor {
  const { operations, worst } = context;
  const { graph } = operations;
  const { weights } = layer;
  const { keyHeads, valueHeads, keyHeadDim, valueHeadDim, convTaps, convChannels } = attention;
  const { tokens, sequences } = worst;
  const perSequence = tokens / sequences;
  const mixed =
    operations.linear(weights, 'attn_qkv', input) ?? operations.linear(weights, 'ssm_in', input) ?? input;
  const gateInput = operations.linear(weights, 'attn_gate', input) ?? input;
  const beta = operations.inPlace(
    graph.view(operations.linear(weights, 'ssm_beta', input) ?? input, [
      1,
      valueHeads,
      perSequence,
      sequences,
    ]),
  );
  const alpha = graph.view(operations.linear(weights, 'ssm_alpha', input) ?? input, [
    valueHeads,
    perSequence,
    sequences,
  ]);
  let decay = operations.inPlace(operations.addWeight(weights, 'ssm_dt.bias', alpha));
  decay = operations.addWeight(weights, 'ssm_a.weight', decay);
  const convolved = convolve(context, layer, mixed, {
    channels: convChannels,
    taps: convTaps,
    kernel: 'ssm_conv1d.weight',
  });
  const stateElements = valueHeads * keyHeadDim * valueHeadDim;
  const state = graph.view(readState(context, layer, stateElements), [
    valueHeadDim,
    keyHeadDim,
    valueHeads,
    sequences,
  ]);
  const active = operations.inPlace(convolved);
  const heads = (dim: number, count: number, part: string): GraphTensor =>
    graph.view(active, [dim, count, perSequence, sequences], ` ${part} of conv`);
  const normed = (part: GraphTensor): GraphTensor => graph.operation('other', [part], part.shape);
  const query = normed(heads(keyHeadDim, keyHeads, 'q'));
  const key = normed(heads(keyHeadDim, keyHeads, 'k'));
  const value = heads(valueHeadDim, valueHeads, 'v');
  const resultElements = valueHeadDim * valueHeads * tokens + stateElements * sequences * worst.states;
  const result = graph.operation('other', [query, key, value, decay, beta, state], [resultElements]);
  const output = graph.view(result, [valueHeadDim, valueHeads, perSequence, sequences]);
  writeState(context, layer, graph.view(result, [stateElements, sequences, worst.states], ' new state'));
  const normal = operations.norm(weights, 'ssm_norm', output);
  const gate = operations.inPlace(graph.view(gateInput, [valueHeadDim, valueHeads, perSequence, sequences]));
  const gated = operations.inPlace(normal, gate);
  const flat = graph.view(gated, [valueHeadDim * valueHeads, tokens]);
  return operations.linear(weights, 'ssm_out', flat) ?? flat;
}

export function stateSpace(
  context: RecurrentContext,
  layer: EngineLayer,
  attention: StateSpace,
  input: GraphTensor,
): GraphTensor {
  const { operations, worst } = context;
  const { graph } = operations;
  const { weights } = layer;
  const { heads, headDim, stateSize, convTaps, convChannels } = attention;
  const { tokens, sequences } = worst;
  const perSequence = tokens / sequences;
  const projected = operations.linear(weights, 'ssm_in', input) ?? input;
  const mixed = graph.view(projected, [convChannels, tokens], ' mixed part');
  const gate = graph.view(projected, [heads * headDim, tokens], ' gate part');
  const convolved = convolve(context, layer, mixed, {
    channels: convChannels,
    taps: convTaps,
    kernel: 'ssm_conv1d.weight',
  });
  const active = operations.inPlace(operations.addWeight(weights, 'ssm_conv1d.bias', convolved));
  const stateElements = heads * headDim * stateSize;
  const state = readState(context, layer, stateElements);
  const resultElements = heads * headDim * tokens + stateElements * sequences;
  const scan = graph.operation(
    'other',
    [state, graph.view(active, [headDim, heads, perSequence, sequences], ' x')],
    [resultElements],
  );
  writeState(context, layer, graph.view(scan, [stateElements, sequences], ' new state'));
  const output = graph.view(scan, [heads * headDim, tokens], ' output');
  const skipped = operations.inPlace(graph.operation('other', [output], [heads * headDim, tokens]));
  const gated = graph.operation('other', [gate, skipped], [heads * headDim, tokens]);
  const normal = operations.optionalNorm(weights, 'ssm_norm', gated);
  return operations.linear(weights, 'ssm_out', normal) ?? normal;
}

/** LFM2: a gated short convolution; its only state is the tail of the convolution. */
export function shortConvolution(
  context: RecurrentContext,
  layer: EngineLayer,
  hiddenSize: number,
  input: GraphTensor,
): GraphTensor {
  const { operations, worst } = context;
  const { graph } = operations;
  const { weights } = layer;
  const { tokens } = worst;
  const taps = weights.get('shortconv.conv.weight')?.shape.at(-1) ?? 3;
  const projected = operations.linear(weights, 'shortconv.in_proj', input) ?? input;
  const part = (name: string): GraphTensor => graph.view(projected, [hiddenSize, tokens], ` ${name} part`);
  const product = operations.inPlace(part('b'), part('x'));
  const convolved = convolve(context, layer, product, {
    channels: hiddenSize,
    taps,
    kernel: 'shortconv.conv.weight',
  });
  const gated = operations.inPlace(part('c'), convolved);
  return operations.linear(weights, 'shortconv.out_proj', gated) ?? gated;
}
