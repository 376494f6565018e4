/** Checks that a rotation can be computed: its size, its base, and every number of its scaling rule. */
import { badGeometry } from '@plimsoll/model-files';
import type { Rotation, RotationScaling } from './graph.ts';
import { frequenciesOf } from './rotations.ts';

export interface RotationPlace {
  /** Dimension of the smallest rotated head; infinite if no layer uses the rotation. */
  readonly headDim: number;
  readonly contextLength: number;
  /** Picks the name of a number: its GGUF key after the architecture, or its key in config.json. */
  key(gguf: string, hub: string): string;
}

export function checkRotation(rotation: Rotation, place: RotationPlace): void {
  const { base, rotaryDim, scaling } = rotation;
  const { headDim, contextLength, key } = place;
  const isWhole = Number.isSafeInteger(rotaryDim) && rotaryDim >= 2 && rotaryDim % 2 === 0;
  if (!isWhole || rotaryDim > headDim) {
    const name = key('rope.dimension_count', 'partial_rotary_factor x head_dim');
    throw badGeometry({ key: name, value: rotaryDim, needed: `an even number from 2 to ${headDim}` });
  }
  if (!(Number.isFinite(base) && base > 1)) {
    throw badGeometry({ key: key('rope.freq_base', 'rope_theta'), value: base, needed: 'a number above 1' });
  }
  checkNumbers(scaling, key);
  for (const [name, factors] of factorLists(scaling, key)) checkFactors(name, factors, rotaryDim / 2);
  // Numbers that are valid alone can still give an infinite frequency. LongRoPE has two lists, so two contexts are
  // tried.
  for (const contextMax of [1, contextLength + 1]) {
    const { inverse, magnitude } = frequenciesOf(rotation, contextMax);
    const wrong = [...inverse, magnitude].find((value) => !Number.isFinite(value) || value < 0);
    if (wrong === undefined) continue;
    const name = key('rope.scaling', 'rope_scaling');
    throw badGeometry({ key: `a frequency made by ${name}`, value: wrong, needed: 'a finite number' });
  }
}

/** Checks the numbers of a scaling rule. All are ratios or lengths, so all must be positive. */
function checkNumbers(scaling: RotationScaling, key: RotationPlace['key']): void {
  for (const [name, value] of Object.entries(scaling)) {
    if (typeof value !== 'number' || (Number.isFinite(value) && value > 0)) continue;
    const spelled = scalingKeys[name] ?? { gguf: name, hub: name };
    const shown = key(`rope.scaling.${spelled.gguf}`, `rope_scaling.${spelled.hub}`);
    throw badGeometry({ key: shown, value, needed: 'a number above 0' });
  }
  if (scaling.kind === 'llama3' && scaling.highFreqFactor <= scaling.lowFreqFactor) {
    const shown = key('rope.scaling.high_freq_factor', 'rope_scaling.high_freq_factor');
    const needed = `above low_freq_factor, which is ${scaling.lowFreqFactor}`;
    throw badGeometry({ key: shown, value: scaling.highFreqFactor, needed });
  }
}

const scalingKeys: Readonly<Record<string, { readonly gguf: string; readonly hub: string }>> = {
  originalContext: { gguf: 'original_context_length', hub: 'original_max_position_embeddings' },
  betaFast: { gguf: 'yarn_beta_fast', hub: 'beta_fast' },
  betaSlow: { gguf: 'yarn_beta_slow', hub: 'beta_slow' },
  attentionFactor: { gguf: 'attn_factor', hub: 'attention_factor' },
  lowFreqFactor: { gguf: 'low_freq_factor', hub: 'low_freq_factor' },
  highFreqFactor: { gguf: 'high_freq_factor', hub: 'high_freq_factor' },
};

function factorLists(
  scaling: RotationScaling,
  key: RotationPlace['key'],
): readonly (readonly [string, readonly number[]])[] {
  const isGguf = key('', 'hub') !== 'hub';
  const named = (tensor: string, hub: string): string => (isGguf ? tensor : `rope_scaling.${hub}`);
  if (scaling.kind === 'factors') return [[named('rope_freqs.weight', 'factors'), scaling.factors]];
  if (scaling.kind !== 'longrope') return [];
  return [
    [named('rope_factors_long.weight', 'long_factor'), scaling.longFactors],
    [named('rope_factors_short.weight', 'short_factor'), scaling.shortFactors],
  ];
}

function checkFactors(name: string, factors: readonly number[], count: number): void {
  if (factors.length !== count) {
    const needed = `a list of ${count}, one factor per rotated pair`;
    throw badGeometry({ key: name, value: `a list of ${factors.length}`, needed });
  }
  const wrong = factors.findIndex((factor) => !(Number.isFinite(factor) && factor > 0));
  if (wrong < 0) return;
  throw badGeometry({ key: `${name}[${wrong}]`, value: factors[wrong] ?? 0, needed: 'a number above 0' });
}
