/**
 * AdamW (Loshchilov and Hutter, 2019) over flat ranges of f32 weights, which are their own masters, and clipping by the
 * global norm. Sums run in double precision and in one order, so that a step has the same bits for any number of threads.
 */
import type { Floats } from '../tape/tensor.ts';

export interface AdamWSettings {
  readonly firstDecay: number;
  readonly secondDecay: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** The defaults of PyTorch, without weight decay. */
export const usualAdamW: AdamWSettings = {
  firstDecay: 0.9,
  secondDecay: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
};

export interface AdamWRanges {
  readonly parameters: Floats;
  readonly gradients: Floats;
  readonly firstMoments: Floats;
  readonly secondMoments: Floats;
}

/** The norm of all gradients together. */
export function globalNorm(gradients: Floats): number {
  let sum = 0;
  for (let i = 0; i < gradients.length; i++) sum += (gradients[i] ?? 0) ** 2;
  return Math.sqrt(sum);
}

/** Factor that brings gradients of this norm to at most `normMax`, with PyTorch's epsilon. */
export function clipFactor(norm: number, normMax: number): number {
  return Math.min(1, normMax / (norm + 1e-6));
}

export interface AdamWStep {
  readonly learningRate: number;
  /** Number of this step, from 1 on. */
  readonly step: number;
  /** Factor of every gradient: the clip, and one over the accumulated microsteps. */
  readonly gradientFactor: number;
}

export function adamWStep(ranges: AdamWRanges, settings: AdamWSettings, at: AdamWStep): void {
  const { parameters, gradients, firstMoments, secondMoments } = ranges;
  const { firstDecay, secondDecay, epsilon, weightDecay } = settings;
  const kept = 1 - at.learningRate * weightDecay;
  const rate = at.learningRate / (1 - firstDecay ** at.step);
  const root = Math.sqrt(1 - secondDecay ** at.step);
  for (let i = 0; i < parameters.length; i++) {
    const gradient = (gradients[i] ?? 0) * at.gradientFactor;
    const first = firstDecay * (firstMoments[i] ?? 0) + (1 - firstDecay) * gradient;
    const second = secondDecay * (secondMoments[i] ?? 0) + (1 - secondDecay) * gradient * gradient;
    firstMoments[i] = first;
    secondMoments[i] = second;
    parameters[i] = (parameters[i] ?? 0) * kept - (rate * first) / (Math.sqrt(second) / root + epsilon);
  }
}
