/** The tensors that join a drafter to the model that it drafts for (EAGLE, EAGLE3, DFlash, DSpark). */
import type { DrafterSpec, LayerSpec, TensorRole, TensorSpec } from '../model-spec.ts';
import type { ConfigReader, IntegerRule, Key } from './config-reader.ts';
import type { TextModel } from './decoder.ts';
import { freezeLayer } from './layers.ts';
import { linear, norm, tensor } from './tensors.ts';

/** Layers of the model whose hidden states EAGLE3 reads where the config lists none. */
const usualFeatures = 3;

export interface JoinInput {
  readonly kind: Exclude<DrafterSpec['kind'], 'assistant'>;
  /** Sections that may state a setting, the most specific first. */
  readonly settings: readonly ConfigReader[];
}

export function joinedDrafter(model: TextModel, input: JoinInput): TextModel {
  const { kind, settings } = input;
  const { hiddenSize, vocabSize } = model;
  const draftVocabulary = firstInteger(settings, 'draft_vocab_size') ?? vocabSize;
  const embedding = model.tensors.filter(({ role }) => role === 'token-embedding');
  const norms = kind === 'eagle' ? [] : model.tensors.filter(({ role }) => role === 'norm');
  const head = linear('lm_head', 'lm-head', { out: draftVocabulary, in: hiddenSize });
  return {
    ...model,
    tiedEmbeddings: false,
    layers: kind === 'eagle3' ? eagleLayers(model) : model.layers,
    tensors: [
      ...embedding,
      ...norms,
      ...head,
      ...joiningTensors(model, input),
      ...markovTensors(model, input, draftVocabulary),
    ],
    predictionLayers: [],
  };
}

/** The projection of the model's hidden states, with its norms. */
function joiningTensors({ hiddenSize }: TextModel, { kind, settings }: JoinInput): readonly TensorSpec[] {
  if (kind === 'eagle') return linear('fc', 'draft-input', { out: hiddenSize, in: 2 * hiddenSize });
  const targetSize = firstInteger(settings, 'target_hidden_size') ?? hiddenSize;
  const width = featureCount(settings) * targetSize;
  const usesFeatures = settings.every((section) => section.boolean('use_aux_hidden_state', true));
  const hasInputNorm = settings.some((section) => section.boolean('norm_before_fc', false));
  return [
    ...(usesFeatures ? linear('fc', 'draft-input', { out: hiddenSize, in: width }) : []),
    ...(hasInputNorm ? norm('input_norm', width) : []),
    ...(kind === 'eagle3' ? [] : norm('hidden_norm', hiddenSize)),
  ];
}

/** Returns the number of layers of the model whose hidden states the drafter reads. */
export function featureCount(settings: readonly ConfigReader[]): number {
  const keys = ['target_layer_ids', 'eagle_aux_hidden_state_layer_ids', 'aux_hidden_state_layer_ids'];
  // A config for several engines lists the layers once for each: all lists are read, and the most specific counts.
  const counts = settings.map((section) => section.integers(keys)?.length ?? 0);
  return counts.find((count) => count > 0) ?? usualFeatures;
}

/** EAGLE3's first layer attends with the token's embedding and the hidden state side by side. */
function eagleLayers({ layers, hiddenSize }: TextModel): readonly LayerSpec[] {
  const [first, ...rest] = layers.map((layer) => ({
    ...layer,
    tensors: [...layer.tensors, ...norm('hidden_norm', hiddenSize)],
  }));
  if (first === undefined) return layers;
  const tensors = first.tensors.map((item) =>
    widened.has(item.role) && item.shape.length === 2
      ? { ...item, shape: [item.shape[0] ?? 1, 2 * hiddenSize] }
      : item,
  );
  return [{ ...first, tensors }, ...rest].map(freezeLayer);
}

/** Projections that read the layer's input. */
const widened: ReadonlySet<TensorRole> = new Set([
  'attention-q',
  'attention-k',
  'attention-v',
  'attention-qkv',
  'mla-q-down',
  'mla-kv-down',
]);

/** DSpark corrects each drafted token by its predecessor: a low-rank transition matrix and a confidence head. */
function markovTensors(
  { vocabSize, hiddenSize }: TextModel,
  { kind, settings }: JoinInput,
  draftVocabulary: number,
): readonly TensorSpec[] {
  if (kind !== 'dspark') return [];
  const rank = firstInteger(settings, 'markov_rank') ?? 0;
  const isOn = (key: string): boolean => settings.some((section) => section.boolean(key, false));
  const confidenceInput = hiddenSize + (isOn('confidence_head_with_markov') ? rank : 0);
  return [
    ...(rank === 0
      ? []
      : [
          tensor('markov_head.markov_w1.weight', 'other', vocabSize, rank),
          tensor('markov_head.markov_w2.weight', 'other', draftVocabulary, rank),
        ]),
    ...(isOn('enable_confidence_head')
      ? linear('confidence_head.proj', 'other', { out: 1, in: confidenceInput }, true)
      : []),
  ];
}

/** Returns the value of the first section that states the key; null if none does. */
export function firstInteger(
  settings: readonly ConfigReader[],
  key: Key,
  rule: IntegerRule = {},
): number | null {
  for (const section of settings) {
    const value = section.optionalInteger(key, rule);
    if (value !== null) return value;
  }
  return null;
}
