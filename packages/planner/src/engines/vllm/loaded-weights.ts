/**
 * Describes the tensors that vLLM holds after loading if they differ from the checkpoint. Projections are fused, the vocabulary is
 * padded, rotary tables and the absorbed matrices of latent attention are extra, mixture kernels pad mxfp4 experts, and
 * the CUDA caching allocator rounds large tensors up. Together these are 0.2 to 5 % of "Model loading took".
 */
import { MiB } from '@plimsoll/foundation';
import type { AttentionSpec, LayerSpec, ModelSpec, TensorRole, TensorSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import { createMemo, remember } from '../../bytes/memo.ts';
import type { WeightFormat } from '../../bytes/weight-format.ts';
import type { VllmSettings } from './defaults.ts';
import { withRedundantExperts } from './expert-balance.ts';
import type { VllmRelease } from './release.ts';
import { rotaryTables } from './rotary-tables.ts';

interface Loader {
  readonly settings: VllmSettings;
  readonly release: VllmRelease;
  readonly hardware: HardwareRecord;
  /** Tensor-parallel size: padding applies to each device's share. */
  readonly tensor: number;
}

/** VocabParallelEmbedding pads to a multiple of 64 (vllm/model_executor/layers/vocab_parallel_embedding.py). */
const vocabularyPadding = 64;

export function residentSpec(spec: ModelSpec, loader: Loader): ModelSpec {
  const { settings } = loader;
  const { hidden, intermediate } = mixtureSteps(loader, spec.family);
  const padding = hasPaddedMixtures(spec) ? `${hidden},${intermediate}` : '';
  const key = `${padding}|${absorbsLatents(loader)}|${settings.drafts}|${settings.loadsVision}|${settings.balance?.redundantExperts ?? 0}`;
  return remember(residentMemo, spec, key, () => loadSpec(spec, loader));
}

const residentMemo = createMemo<ModelSpec>();

/** Only mxfp4 experts are padded by device and split; other models are loaded alike everywhere. */
function hasPaddedMixtures(spec: ModelSpec): boolean {
  return remember(paddedMemo, spec, 'padded', () =>
    [...spec.layers, ...spec.predictionLayers].some(({ tensors }) => tensors.some(isPaddedMixture)),
  );
}

const paddedMemo = createMemo<boolean>();

function absorbsLatents({ release }: Loader): boolean {
  return release.number >= 7.01;
}

function loadSpec(spec: ModelSpec, loader: Loader): ModelSpec {
  const loaded = new Map<LayerSpec, LayerSpec>();
  const load = (layer: LayerSpec): LayerSpec => {
    const known = loaded.get(layer) ?? residentLayer(layer, loader, spec.family);
    loaded.set(layer, known);
    return known;
  };
  const { settings } = loader;
  const drafts = settings.drafts === 'prediction-layers' ? spec.predictionLayers : [];
  return {
    ...spec,
    vision: settings.loadsVision ? spec.vision : null,
    layers: [...spec.layers, ...drafts].map(load),
    tensors: [...spec.tensors.map(padVocabulary), ...rotaryTables(spec)],
  };
}

function residentLayer(layer: LayerSpec, loader: Loader, family: string): LayerSpec {
  const steps = mixtureSteps(loader, family);
  const padded = layer.tensors.map((tensor) =>
    withRedundantExperts(padMixtureTensor(tensor, steps), loader.settings.balance),
  );
  const fused = fuse(padded);
  const absorbs = layer.attention.kind === 'mla' && absorbsLatents(loader);
  const attention = absorbs ? layer.attention : expandedAttention(layer.attention);
  // Latent attention decodes with W_UK and W_UV absorbed: unquantised copies in addition to the stored projection.
  const copies = absorbs
    ? layer.tensors.filter((tensor) => tensor.role === 'mla-kv-up').map(absorbedCopy)
    : [];
  return { ...layer, attention, tensors: [...fused, ...copies] };
}

function absorbedCopy(tensor: TensorSpec): TensorSpec {
  const { scheme: _scheme, stored: _stored, ...rest } = tensor;
  return { ...rest, name: `${tensor.name} absorbed` };
}

/**
 * Before 0.7.1 latent attention ran as plain multi-head attention with its heads padded to 256 elements
 * (vllm/model_executor/models/deepseek_v2.py of 0.6).
 */
function expandedAttention(attention: AttentionSpec): AttentionSpec {
  if (attention.kind !== 'mla') return attention;
  const { queryHeads } = attention;
  return { kind: 'full', queryHeads, kvHeads: queryHeads, keyHeadDim: 256, valueHeadDim: 256 };
}

function padVocabulary(tensor: TensorSpec): TensorSpec {
  if (tensor.role !== 'token-embedding' && tensor.role !== 'lm-head') return tensor;
  const [vocabulary = 0, ...rest] = tensor.shape;
  const padded = Math.ceil(vocabulary / vocabularyPadding) * vocabularyPadding;
  return padded === vocabulary ? tensor : { ...tensor, shape: [padded, ...rest] };
}

/** Multiples that the kernels of mxfp4 experts take. */
interface MixtureSteps {
  readonly hidden: number;
  /** Of the whole layer: each device has its share. */
  readonly intermediate: number;
}

/**
 * mxfp4 experts are padded for the kernel: hidden size, and each device's share of the intermediate size
 * (vllm/model_executor/layers/fused_moe/oracle/mxfp4.py, mxfp4_round_up_hidden_size_and_intermediate_size; until 0.18
 * layers/quantization/mxfp4.py). The device selects the kernel.
 */
function mixtureSteps({ hardware, release, tensor }: Loader, family: string): MixtureSteps {
  const steps = (hidden: number, intermediate: number): MixtureSteps => ({
    hidden,
    intermediate: intermediate * tensor,
  });
  const { vendor, computeCapability } = hardware;
  // AITER; from 0.27 experts with other activations than gpt-oss need smaller multiples.
  if (vendor === 'AMD')
    return release.number >= 27 && family !== 'gpt_oss' ? steps(128, 128) : steps(256, 256);
  // TensorRT-LLM's kernels of FlashInfer.
  if (computeCapability?.startsWith('10.') === true) return steps(256, release.number >= 28 ? 128 : 256);
  // The Triton path of 0.11 on Hopper leaves the intermediate size alone; Marlin pads both.
  const isTriton = computeCapability === '9.0' && Math.floor(release.number) === 11;
  return steps(256, isTriton ? 1 : 128);
}

function isPaddedMixture({ scheme, shape }: TensorSpec): boolean {
  return scheme?.weights === 'mxfp4' && shape.length === 3;
}

function padMixtureTensor(tensor: TensorSpec, steps: MixtureSteps): TensorSpec {
  if (!isPaddedMixture(tensor)) return tensor;
  const [experts = 0, outputs = 0, inputs = 0] = tensor.shape;
  const hidden = (size: number): number => Math.ceil(size / steps.hidden) * steps.hidden;
  const intermediate = (size: number): number => Math.ceil(size / steps.intermediate) * steps.intermediate;
  if (tensor.role === 'expert-down')
    return { ...tensor, shape: [experts, hidden(outputs), intermediate(inputs)] };
  const halves = tensor.role === 'expert-gate-up' ? 2 : 1;
  return { ...tensor, shape: [experts, halves * intermediate(outputs / halves), hidden(inputs)] };
}

/** Roles that vLLM loads into one matrix, in row order. */
const fusions: readonly { readonly parts: readonly TensorRole[]; readonly into: TensorRole }[] = [
  { parts: ['attention-q', 'attention-k', 'attention-v'], into: 'attention-qkv' },
  { parts: ['mlp-gate', 'mlp-up'], into: 'mlp-gate-up' },
  { parts: ['expert-gate', 'expert-up'], into: 'expert-gate-up' },
  { parts: ['shared-expert-gate', 'shared-expert-up'], into: 'shared-expert-gate-up' },
];

function fuse(tensors: readonly TensorSpec[]): readonly TensorSpec[] {
  let rest = tensors;
  for (const { parts, into } of fusions) {
    const members = parts.map((role) =>
      rest.filter((tensor) => tensor.role === role && tensor.shape.length >= 2),
    );
    const first = members[0]?.[0];
    // Only the plain case is fused: one matrix per part, all kept the same way.
    if (first === undefined || members.some(([only, ...more]) => only === undefined || more.length > 0))
      continue;
    const matrices = members.flat();
    if (matrices.some((matrix) => matrix.scheme?.weights !== first.scheme?.weights)) continue;
    const rowAxis = first.shape.length - 2;
    const rows = matrices.reduce((sum, matrix) => sum + (matrix.shape[rowAxis] ?? 0), 0);
    const shape = first.shape.map((size, axis) => (axis === rowAxis ? rows : size));
    rest = [...rest.filter((tensor) => !matrices.includes(tensor)), { ...first, role: into, shape }];
  }
  return rest;
}

/**
 * The CUDA caching allocator: sizes round up to 512 bytes; from 10 MiB a tensor has a segment in steps of 2 MiB, and a
 * tail of at most 1 MiB stays with it (c10/cuda/CUDACachingAllocator.cpp).
 */
function allocatedBytes(size: number): number {
  const rounded = Math.ceil(size / 512) * 512;
  if (rounded < 10 * MiB) return rounded;
  const segment = Math.ceil(rounded / (2 * MiB)) * 2 * MiB;
  return segment - rounded <= MiB ? segment : rounded;
}

export function residentFormat(asked: WeightFormat): WeightFormat {
  return remember(formatMemo, asked, 'resident', () => ({ ...asked, allocate: allocatedBytes }));
}

const formatMemo = createMemo<WeightFormat>();
