/**
 * Residual streams of DeepSeek V4 (src/models/deepseek4.cpp: build_hc_pre, build_hc_post, build_hc_head). Every part of a layer
 * reads a weighted sum of the streams and writes its result back to all of them.
 */
import { defined } from '@plimsoll/foundation';
import type { GraphOperations, WeightTable } from './graph-operations.ts';
import type { GraphTensor } from './graph-tensor.ts';

export interface StreamMix {
  /** What the part reads, [hidden, tokens]. */
  readonly input: GraphTensor;
  /** Weights with which the result returns to the streams, and weights between streams. */
  readonly post: GraphTensor;
  readonly between: GraphTensor;
}

/** `stem` is `hc_attn` or `hc_ffn`. */
export function mixStreams(
  operations: GraphOperations,
  weights: WeightTable,
  stem: string,
  streams: GraphTensor,
): StreamMix {
  const { graph } = operations;
  const [hidden, count, tokens] = streams.shape;
  const mixes = project(operations, weights, stem, streams);
  const { scale, base } = scaleAndBase(operations, weights, stem);
  const part = (name: string): GraphTensor => {
    const own = graph.view(mixes, [count, tokens], ` ${name} of mixes`);
    const scaled = operations.inPlace(own, graph.view(scale, [1], ` ${name}`));
    return operations.inPlace(operations.inPlace(scaled, graph.view(base, [count], ` ${name}`)));
  };
  const pre = operations.inPlace(part('pre'));
  const post = operations.inPlace(part('post'));
  const between = graph.operation('other', [mixes, scale, base], [count, count, tokens]);
  return { input: graph.operation('other', [streams, pre], [hidden, tokens]), post, between };
}

/** Returns the result of a part to the streams. */
export function returnToStreams(
  { graph }: GraphOperations,
  result: GraphTensor,
  streams: GraphTensor,
  { post, between }: StreamMix,
): GraphTensor {
  return graph.operation('other', [result, streams, post, between], streams.shape);
}

/** The sum of the streams that the head reads. */
export function headOfStreams(
  operations: GraphOperations,
  weights: WeightTable,
  streams: GraphTensor,
): GraphTensor {
  const { graph } = operations;
  const [hidden, count, rows] = streams.shape;
  const mixes = project(operations, weights, 'output_hc', streams);
  const { scale, base } = scaleAndBase(operations, weights, 'output_hc');
  const shares = operations.inPlace(
    operations.inPlace(operations.inPlace(operations.inPlace(mixes, scale), base)),
  );
  let sum: GraphTensor | null = null;
  for (let stream = 0; stream < count; stream++) {
    const own = graph.view(streams, [hidden, rows], ` stream ${stream}`);
    const term = operations.inPlace(own, graph.view(shares, [1, rows], ` share ${stream}`));
    sum = sum === null ? term : operations.inPlace(sum, term);
  }
  return defined(sum, 'a model has at least one stream');
}

function project(
  operations: GraphOperations,
  weights: WeightTable,
  stem: string,
  streams: GraphTensor,
): GraphTensor {
  const { graph } = operations;
  const [hidden, count, tokens] = streams.shape;
  const flat = graph.view(streams, [hidden * count, tokens]);
  const normal = graph.operation('in-place', [flat], flat.shape);
  return defined(operations.linear(weights, `${stem}_fn`, normal), `${stem}_fn is in the file`);
}

function scaleAndBase(
  operations: GraphOperations,
  weights: WeightTable,
  stem: string,
): { readonly scale: GraphTensor; readonly base: GraphTensor } {
  const weight = (name: string): GraphTensor =>
    operations.weight(defined(weights.get(`${stem}_${name}.weight`), `${stem}_${name} is in the file`));
  return { scale: weight('scale'), base: weight('base') };
}
