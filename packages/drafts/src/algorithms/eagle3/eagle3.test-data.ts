/** The formulas of tools/reference/make-eagle3-fixtures.py: weights, features and tokens by their index. */
import { defined } from '@plimsoll/foundation';
import { ParameterSet, planArena, type TrainingArena } from '@plimsoll/training';
import type { Features } from '../feature-values.ts';
import { feature, fillWaves, wave } from '../torch-reference.test-data.ts';
import { defineEagle3 } from './eagle3-model.ts';
import { type Eagle3Recording, recordEagle3 } from './eagle3-recording.ts';
import type { Eagle3Config, Eagle3Training } from './eagle3-spec.ts';
import { Eagle3Strategy } from './eagle3-strategy.ts';

const sizes = {
  ...{ hiddenSize: 16, targetHiddenSize: 12, capturedLayers: 3, heads: 4, kvHeads: 2, headDim: 8 },
  ...{ intermediateSize: 24, targetVocabulary: 37, draftVocabulary: 20, epsilon: 1e-5, ropeBase: 10_000 },
} as const;

const draftIds = [1, 2, 3, 5, 7, 8, 11, 12, 13, 15, 17, 19, 20, 22, 25, 26, 28, 30, 33, 36];
const tokens = 9;
const lengths = [9, 6];
/** Positions of the batch, padding of the shorter sample included, as the reference divides by. */
export const positions = lengths.length * tokens;

export const exampleVocabulary = {
  draftToTarget: Int32Array.from(draftIds),
  isDrafted: Uint8Array.from({ length: sizes.targetVocabulary }, (_, id) => Number(draftIds.includes(id))),
};

export interface Example {
  readonly config: Eagle3Config;
  readonly parameters: ParameterSet;
  readonly recorded: Eagle3Recording;
  readonly plan: ReturnType<typeof planArena>;
}

/** Records the example for `sequences` samples of `length` tokens. */
export function recordExample(
  flags: Pick<Eagle3Config, 'normOutput' | 'normLayers'> & Partial<Eagle3Config>,
  training: Eagle3Training,
  shape: { readonly sequences: number; readonly length: number; readonly trains: boolean },
): Example {
  const parameters = new ParameterSet();
  const config = { ...sizes, ...flags };
  const weights = defineEagle3(parameters, config);
  const recorded = recordEagle3(
    parameters,
    weights,
    { config, training, vocabulary: exampleVocabulary },
    shape,
  );
  return { config, parameters, recorded, plan: planArena(parameters, [recorded.recording]) };
}

/** The numbers of the waves follow the reference's order of weights. */
const weightOrder = [
  'fc',
  'midlayer.input_layernorm',
  'midlayer.hidden_norm',
  'midlayer.self_attn.q_proj',
  'midlayer.self_attn.k_proj',
  'midlayer.self_attn.v_proj',
  'midlayer.self_attn.o_proj',
  'midlayer.post_attention_layernorm',
  'midlayer.mlp.gate_proj',
  'midlayer.mlp.up_proj',
  'midlayer.mlp.down_proj',
  'norm',
  'lm_head',
  'fc_norm.0',
  'fc_norm.1',
  'fc_norm.2',
];

export function fillWeights({ parameters }: Pick<Example, 'parameters'>, arena: TrainingArena): void {
  fillWaves(parameters, arena, (name) => weightOrder.indexOf(name.replace(/\.weight$/, '')) + 1);
}

/** Computes one row of every sample; rows past a sample's length are zeros. */
function padded(rows: readonly ArrayLike<number>[], width: number): Float32Array {
  const values = new Float32Array(positions * width);
  for (const [sample, row] of rows.entries()) {
    const used = defined(lengths[sample], 'the sample has a length') * width;
    values.set(Array.from(row).slice(0, used), sample * tokens * width);
  }
  return values;
}

/** A strategy of the example's sizes, for batches of up to `sequences` samples. */
export function exampleStrategy(sequences: number): Eagle3Strategy {
  const config = { ...sizes, normOutput: false, normLayers: false };
  const training = { tttLength: 3, stepDecay: 0.8, loss: { kind: 'kl' } } as const;
  return new Eagle3Strategy({ config, training, vocabulary: exampleVocabulary, sequences, lengths: [16, 9] });
}

/** The batch of both samples, padded to the longer one. */
export function exampleBatch(): Features {
  const perSample = (make: (sample: number) => ArrayLike<number>): readonly ArrayLike<number>[] =>
    lengths.map((_, sample) => make(sample));
  const perToken = (value: (sample: number, token: number) => number): readonly ArrayLike<number>[] =>
    perSample((sample) => Array.from({ length: tokens }, (_, token) => value(sample, token)));
  const ids = padded(
    perToken((sample, token) => (7 * token + 11 * sample + 3) % sizes.targetVocabulary),
    1,
  );
  const mask = padded(
    perToken((sample, token) => Number((token + sample) % 4 !== 1)),
    1,
  );
  const width = sizes.capturedLayers * sizes.targetHiddenSize;
  const states = perSample((sample) => wave(tokens, width, { number: 41 + sample, size: 1 }));
  const final = perSample((sample) =>
    wave(tokens, sizes.targetHiddenSize, { number: 51 + sample, size: 1.2 }),
  );
  return {
    refs: lengths.map((tokenCount, sample) => ({ taskId: `p${sample}`, tokenCount })),
    tensors: {
      input_ids: feature('I32', [lengths.length, tokens, 1], Int32Array.from(ids)),
      loss_mask: feature('U8', [lengths.length, tokens, 1], Uint8Array.from(mask)),
      layer_states: feature('F32', [lengths.length, tokens, width], padded(states, width)),
      final_states: feature(
        'F32',
        [lengths.length, tokens, sizes.targetHiddenSize],
        padded(final, sizes.targetHiddenSize),
      ),
    },
  };
}
