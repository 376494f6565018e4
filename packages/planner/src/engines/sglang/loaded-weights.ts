/**
 * The differences between SGLang's loaded weights and the checkpoint: SGLang pads the vocabulary, latent attention
 * keeps absorbed copies of its projection, and data-parallel attention still cuts the dense parts over all devices.
 */
import type { LayerSpec, ModelSpec, TensorRole, TensorSpec } from '@plimsoll/model-files/spec';
import { createMemo, remember } from '../../bytes/memo.ts';
import type { SglangOptions } from './options.ts';
import type { SglangSettings } from './start-settings.ts';

interface Loader {
  readonly settings: SglangSettings;
  readonly options: SglangOptions;
}

/** VocabParallelEmbedding pads to a multiple of 64 (sglang/srt/layers/vocab_parallel_embedding.py). */
const vocabularyPadding = 64;

export function residentSpec(spec: ModelSpec, loader: Loader): ModelSpec {
  const { settings, options } = loader;
  const key = [
    settings.attentionGroups,
    options.languageOnly === true,
    options.moeA2aBackend ?? '',
    options.redundantExperts ?? 0,
    options.denseTensorSize ?? 0,
    options.dpHead === true,
  ].join();
  return remember(residentMemo, spec, key, () => loadSpec(spec, loader));
}

const residentMemo = createMemo<ModelSpec>();

function loadSpec(spec: ModelSpec, { settings, options }: Loader): ModelSpec {
  const groups = settings.attentionGroups;
  const roles = cutRoles(options);
  const loaded = new Map<LayerSpec, LayerSpec>();
  const load = (layer: LayerSpec): LayerSpec => {
    const known =
      loaded.get(layer) ??
      residentLayer(layer, { groups, roles, redundantExperts: options.redundantExperts ?? 0 });
    loaded.set(layer, known);
    return known;
  };
  return {
    ...spec,
    layers: spec.layers.map(load),
    tensors: spec.tensors.map((tensor) => cutOverGroups(padVocabulary(tensor), roles, groups)),
    vision: options.languageOnly === true ? null : spec.vision,
  };
}

const denseRoles: readonly TensorRole[] = ['mlp-gate', 'mlp-up', 'mlp-gate-up', 'mlp-down'];
const sharedRoles: readonly TensorRole[] = [
  'shared-expert-gate',
  'shared-expert-up',
  'shared-expert-gate-up',
  'shared-expert-down',
];

/**
 * Returns the roles that are cut over all devices although attention is not. The arithmetic of weights already cuts
 * experts.
 */
function cutRoles({ moeA2aBackend, denseTensorSize, dpHead }: SglangOptions): readonly TensorRole[] {
  const hasExchange = moeA2aBackend !== undefined && moeA2aBackend !== 'none';
  return [
    ...(denseTensorSize === 1 ? [] : denseRoles),
    ...(hasExchange ? [] : sharedRoles),
    ...(dpHead === true ? [] : (['lm-head'] as const)),
  ];
}

interface LayerLoader {
  readonly groups: number;
  readonly roles: readonly TensorRole[];
  readonly redundantExperts: number;
}

function residentLayer(layer: LayerSpec, { groups, roles, redundantExperts }: LayerLoader): LayerSpec {
  const copies =
    layer.attention.kind === 'mla'
      ? layer.tensors.filter(({ role }) => role === 'mla-kv-up').map(absorbedCopy)
      : [];
  return {
    ...layer,
    tensors: [
      ...layer.tensors.map((tensor) => withCopies(cutOverGroups(tensor, roles, groups), redundantExperts)),
      ...copies,
    ],
  };
}

/** The per-head halves of the up-projection that decode steps multiply with (deepseek_v2.py, w_kc and w_vc). */
function absorbedCopy(tensor: TensorSpec): TensorSpec {
  return { ...tensor, name: `${tensor.name} absorbed` };
}

/** Adds the copies of experts to the number of experts. */
function withCopies(tensor: TensorSpec, redundantExperts: number): TensorSpec {
  if (redundantExperts === 0 || !tensor.role.startsWith('expert-') || tensor.shape.length !== 3)
    return tensor;
  const [experts = 0, ...rest] = tensor.shape;
  return { ...tensor, shape: [experts + redundantExperts, ...rest] };
}

/**
 * The arithmetic of weights cuts a tensor over the devices of one attention group. What is cut over all groups is
 * listed with its share for one of them.
 */
function cutOverGroups(tensor: TensorSpec, roles: readonly TensorRole[], groups: number): TensorSpec {
  if (groups === 1 || !roles.includes(tensor.role) || tensor.shape.length < 2) return tensor;
  const axis = tensor.role.endsWith('down') ? tensor.shape.length - 1 : 0;
  const shape = tensor.shape.map((size, index) => (index === axis ? Math.ceil(size / groups) : size));
  const { stored, ...rest } = tensor;
  return stored === undefined
    ? { ...rest, shape }
    : { ...rest, shape, stored: { ...stored, bytes: stored.bytes / groups } };
}

function padVocabulary(tensor: TensorSpec): TensorSpec {
  if (tensor.role !== 'token-embedding' && tensor.role !== 'lm-head') return tensor;
  const [vocabulary = 0, ...rest] = tensor.shape;
  const padded = Math.ceil(vocabulary / vocabularyPadding) * vocabularyPadding;
  return padded === vocabulary ? tensor : { ...tensor, shape: [padded, ...rest] };
}
