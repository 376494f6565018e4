/**
 * How the stages of a pipeline share a step. A step costs its whole time once, spread over the stages by their layers;
 * between two stages travels the hidden vector of every token. The latency of a hop is part of the step.
 */
import { pipelineStages } from '../bytes/parallelism.ts';
import type { StepTimeInput } from './step-time.ts';

export interface PipelineSteps {
  /** Share of a step's seconds that each stage takes; their sum is 1. */
  readonly stageShares: readonly number[];
  /** Seconds to send the activations of `tokens` tokens to the next stage. */
  hopSeconds(tokens: number): number;
}

/** Bytes of an activation between stages: engines send 16 bits. */
const activationBytes = 2;

export function pipelineSteps({
  spec,
  parallelism,
  device,
  assumptions,
}: Pick<StepTimeInput, 'spec' | 'parallelism' | 'device' | 'assumptions'>): PipelineSteps {
  const layers = spec.layers.length;
  const stageShares = pipelineStages(layers, parallelism).map(([start, end]) => (end - start) / layers);
  const secondsPerToken =
    (activationBytes * spec.hiddenSize) / (device.linkBytesPerSecond * (assumptions.linkEfficiency ?? 1));
  return {
    stageShares,
    hopSeconds: (tokens) => (parallelism.pipeline === 1 ? 0 : tokens * secondsPerToken),
  };
}
