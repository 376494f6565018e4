/**
 * A trained EAGLE3 draft outside the arena, with everything that its serving depends on. Its keys are those that serving
 * engines load (SGLang's llama_eagle3.py, vLLM's llama_eagle3.py). They silently leave out keys that they do not know, so a
 * wrong key would serve a draft that never accepts: the set of keys is checked when a draft is written and when it is read.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { ParameterSet, type TrainingArena } from '@plimsoll/training';
import type { VocabularyMap } from '../../data/vocabulary-map.ts';
import { defineEagle3 } from './eagle3-model.ts';
import type { Eagle3Config } from './eagle3-spec.ts';

export interface DraftWeight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface Eagle3Draft {
  readonly config: Eagle3Config;
  readonly vocabulary: VocabularyMap;
  /** Captured layers of the target, numbered by their output: `hidden_states[l + 1]` of transformers. */
  readonly layerIds: readonly number[];
  /** Longest context that the draft is served with. */
  readonly contextMax: number;
  readonly weights: ReadonlyMap<string, DraftWeight>;
}

const embeddingKey = 'embed_tokens.weight';

const servedKeys: readonly string[] = [
  'fc.weight',
  'midlayer.input_layernorm.weight',
  'midlayer.hidden_norm.weight',
  'midlayer.self_attn.q_proj.weight',
  'midlayer.self_attn.k_proj.weight',
  'midlayer.self_attn.v_proj.weight',
  'midlayer.self_attn.o_proj.weight',
  'midlayer.post_attention_layernorm.weight',
  'midlayer.mlp.gate_proj.weight',
  'midlayer.mlp.up_proj.weight',
  'midlayer.mlp.down_proj.weight',
  'norm.weight',
  'lm_head.weight',
];

/** A draft of the target's width reads the target's embedding; a draft of another width brings its own. */
function keysOf({
  hiddenSize,
  targetHiddenSize,
  normLayers,
  capturedLayers,
}: Eagle3Config): readonly string[] {
  const norms = Array.from(
    { length: normLayers ? capturedLayers : 0 },
    (_, layer) => `fc_norm.${layer}.weight`,
  );
  return [...servedKeys, ...norms, ...(hiddenSize === targetHiddenSize ? [] : [embeddingKey])];
}

/** Copies the weights of a draft out of its arena. Throws `draft-keys`. */
export function takeWeights(
  { parameters }: ParameterSet,
  arena: Pick<TrainingArena, 'parameter'>,
  config: Eagle3Config,
): ReadonlyMap<string, DraftWeight> {
  const wanted = keysOf(config);
  const weights = new Map<string, DraftWeight>();
  for (const { name, tensor, isTrained } of parameters) {
    if (!isTrained && !wanted.includes(name)) continue;
    const { rows, columns } = tensor;
    const shape = rows === 1 ? [columns] : [rows, columns];
    weights.set(name, { shape, values: Float32Array.from(arena.parameter(name)) });
  }
  checkWeights(weights, config);
  return weights;
}

/**
 * Copies the weights of a draft into the arena of a model with this config: a warm start. Weights of the target stay as they
 * are. Throws `draft-keys` or `draft-shape` for the draft of another config.
 */
export function putWeights(
  { weights }: Pick<Eagle3Draft, 'weights'>,
  arena: Pick<TrainingArena, 'parameter'>,
  config: Eagle3Config,
): void {
  checkWeights(weights, config);
  for (const [name, { values }] of weights) arena.parameter(name).set(values);
}

/** Throws `draft-keys` or `draft-shape` unless the weights are exactly those that a draft of this config is served with. */
export function checkWeights(weights: ReadonlyMap<string, DraftWeight>, config: Eagle3Config): void {
  const wanted = keysOf(config);
  const missing = wanted.filter((key) => !weights.has(key));
  const unknown = [...weights.keys()].filter((key) => !wanted.includes(key));
  if (missing.length > 0) throw badKeys(`lacks ${missing.join(', ')}`, missing.join(', '), wanted);
  if (unknown.length > 0)
    throw badKeys(`has unknown weights: ${unknown.join(', ')}`, unknown.join(', '), wanted);
  const defined = new ParameterSet();
  defineEagle3(defined, config);
  for (const { name, tensor } of defined.parameters) {
    const weight = weights.get(name);
    if (weight === undefined) continue;
    const { rows, columns } = tensor;
    const shape = rows === 1 ? [columns] : [rows, columns];
    if (weight.shape.join() !== shape.join() || weight.values.length !== rows * columns)
      throw badShape(name, weight.shape, shape);
  }
}

/** Throws `draft-layers` unless the layers are as many as `fc` reads, and different. */
export function checkLayers({ layerIds, config }: Pick<Eagle3Draft, 'layerIds' | 'config'>): void {
  const isLayer = (id: number, index: number): boolean =>
    Number.isSafeInteger(id) && id >= 0 && layerIds.indexOf(id) === index;
  if (layerIds.length === config.capturedLayers && layerIds.every(isLayer)) return;
  throw new PlimsollError({
    code: 'draft-layers',
    message: `the draft reads ${config.capturedLayers} layers of its target, not the layers ${layerIds.join(', ')}`,
    value: layerIds.join(', '),
    limit: `${config.capturedLayers} different layers`,
    hint: 'name the layers that the features were captured from, in their order',
  });
}

function badKeys(problem: string, value: string, wanted: readonly string[]): PlimsollError {
  return new PlimsollError({
    code: 'draft-keys',
    message: `the draft ${problem}`,
    value,
    limit: wanted.join(', '),
    hint: 'serving engines leave out keys that they do not know: use an EAGLE3 draft with one layer of Llama',
  });
}

function badShape(name: string, found: readonly number[], wanted: readonly number[]): PlimsollError {
  return new PlimsollError({
    code: 'draft-shape',
    message: `${name} of the draft is [${found.join(', ')}], its config says [${wanted.join(', ')}]`,
    value: found.join(' x '),
    limit: wanted.join(' x '),
    hint: 'use the config.json that belongs to these weights',
  });
}
