/**
 * The part of rotary position embedding that does not depend on activations: inverse frequencies from a scaling rule,
 * then cosines and sines for the positions of one step, in double precision. Kernels only rotate. The rules are those
 * of Hugging Face transformers, modeling_rope_utils.py; YaRN: Peng et al. 2023, arXiv:2309.00071.
 */
import { assert } from '@plimsoll/foundation';

export type RopeScaling =
  | { readonly kind: 'none' }
  | { readonly kind: 'linear'; readonly factor: number }
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalContext: number;
    }
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalContext: number;
      /** 32 and 1 if the model does not state them. */
      readonly betaFast: number;
      readonly betaSlow: number;
      /** Factor on cosines and sines; null = 0.1 ln(factor) + 1. */
      readonly attentionFactor: number | null;
    }
  /** One divisor per frequency, from GGUF's rope_freqs tensor or Phi-3's long and short factors. */
  | { readonly kind: 'factors'; readonly factors: readonly number[]; readonly attentionFactor: number };

export interface RopeSettings {
  readonly base: number;
  readonly rotaryDim: number;
  readonly scaling: RopeScaling;
}

export interface RopeFrequencies {
  /** [rotaryDim / 2] radians per position. */
  readonly inverse: Float64Array;
  /** Factor on cosines and sines (YaRN's mscale). */
  readonly magnitude: number;
}

/** Llama 3.1: long waves are stretched by the factor, short waves kept, waves between blended. */
function llama3Scale(inverse: number, scaling: Extract<RopeScaling, { kind: 'llama3' }>): number {
  const { factor, lowFreqFactor, highFreqFactor, originalContext } = scaling;
  const turns = (originalContext * inverse) / (2 * Math.PI);
  if (turns < lowFreqFactor) return inverse / factor;
  if (turns > highFreqFactor) return inverse;
  const smooth = (turns - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
  return ((1 - smooth) * inverse) / factor + smooth * inverse;
}

/**
 * YaRN: dimensions with many turns keep their frequency, dimensions with few turns are interpolated; a ramp joins the
 * two.
 */
function yarnScale(
  inverse: Float64Array,
  settings: RopeSettings,
  scaling: Extract<RopeScaling, { kind: 'yarn' }>,
): void {
  const { rotaryDim, base } = settings;
  const dimensionAt = (turns: number): number =>
    (rotaryDim * Math.log(scaling.originalContext / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const low = Math.max(Math.floor(dimensionAt(scaling.betaFast)), 0);
  const high = Math.min(Math.ceil(dimensionAt(scaling.betaSlow)), rotaryDim - 1);
  for (let i = 0; i < inverse.length; i++) {
    const ramp = Math.min(1, Math.max(0, (i - low) / Math.max(high - low, 0.001)));
    const frequency = inverse[i] ?? 0;
    inverse[i] = (frequency / scaling.factor) * ramp + frequency * (1 - ramp);
  }
}

/** Computes the frequencies of a scaling rule. `rotaryDim` is even. */
export function ropeFrequencies(settings: RopeSettings): RopeFrequencies {
  const { base, rotaryDim, scaling } = settings;
  assert(rotaryDim > 0 && rotaryDim % 2 === 0, `rotary dimension ${rotaryDim} is not even`);
  const inverse = new Float64Array(rotaryDim / 2);
  for (let i = 0; i < inverse.length; i++) inverse[i] = base ** ((-2 * i) / rotaryDim);
  switch (scaling.kind) {
    case 'none':
      return { inverse, magnitude: 1 };
    case 'linear':
      return { inverse: inverse.map((value) => value / scaling.factor), magnitude: 1 };
    case 'llama3':
      return { inverse: inverse.map((value) => llama3Scale(value, scaling)), magnitude: 1 };
    case 'yarn': {
      yarnScale(inverse, settings, scaling);
      const byDefault = scaling.factor <= 1 ? 1 : 0.1 * Math.log(scaling.factor) + 1;
      return { inverse, magnitude: scaling.attentionFactor ?? byDefault };
    }
    case 'factors': {
      const { factors, attentionFactor } = scaling;
      assert(
        factors.length === inverse.length,
        `${factors.length} rope factors for ${inverse.length} frequencies`,
      );
      return { inverse: inverse.map((value, i) => value / (factors[i] ?? 1)), magnitude: attentionFactor };
    }
  }
}

/** Writes the cosines and sines for the tokens of one step, [positions, rotaryDim / 2, 2], into `output`. */
export function ropeTable(
  { inverse, magnitude }: RopeFrequencies,
  positions: readonly number[],
  output: Float32Array,
): void {
  assert(output.length >= positions.length * inverse.length * 2, 'the rope table does not fit its region');
  let at = 0;
  for (const position of positions) {
    for (const frequency of inverse) {
      output[at++] = Math.cos(position * frequency) * magnitude;
      output[at++] = Math.sin(position * frequency) * magnitude;
    }
  }
}
