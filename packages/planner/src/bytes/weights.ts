/**
 * Weight bytes on the fullest device of a replica, by purpose. Equal layers are the same object in a ModelSpec, so a
 * sum over 61 layers costs as much as a sum over their three kinds.
 */
import { defined } from '@plimsoll/foundation';
import type { LayerSpec, ModelSpec, TensorRole, TensorSpec } from '@plimsoll/model-files/spec';
import { elementCount } from '@plimsoll/model-files/spec';
import { createMemo, type Memo, remember } from './memo.ts';
import { elementsPerDevice, type Parallelism, parallelismKey, pipelineStages } from './parallelism.ts';
import type { WeightFormat } from './weight-format.ts';

/** A row in a table of weights. */
export type WeightTag =
  | 'embeddings'
  | 'head'
  | 'attention'
  | 'state layers'
  | 'mlp'
  | 'experts'
  | 'shared experts'
  | 'routers'
  | 'norms'
  | 'position tables'
  | 'vision';

const tags: Readonly<Record<TensorRole, WeightTag>> = {
  'token-embedding': 'embeddings',
  'position-embedding': 'embeddings',
  'lm-head': 'head',
  norm: 'norms',
  'attention-q': 'attention',
  'attention-k': 'attention',
  'attention-v': 'attention',
  'attention-qkv': 'attention',
  'attention-output': 'attention',
  'attention-sink': 'attention',
  'mla-q-down': 'attention',
  'mla-q-up': 'attention',
  'mla-kv-down': 'attention',
  'mla-kv-up': 'attention',
  indexer: 'attention',
  compressor: 'attention',
  'linear-in': 'state layers',
  'linear-conv': 'state layers',
  'linear-state': 'state layers',
  'linear-output': 'state layers',
  'ssm-in': 'state layers',
  'ssm-conv': 'state layers',
  'ssm-state': 'state layers',
  'ssm-output': 'state layers',
  'mlp-gate': 'mlp',
  'mlp-up': 'mlp',
  'mlp-gate-up': 'mlp',
  'mlp-down': 'mlp',
  router: 'routers',
  'expert-gate': 'experts',
  'expert-up': 'experts',
  'expert-gate-up': 'experts',
  'expert-down': 'experts',
  'shared-expert-gate': 'shared experts',
  'shared-expert-up': 'shared experts',
  'shared-expert-gate-up': 'shared experts',
  'shared-expert-down': 'shared experts',
  'layer-input': 'position tables',
  'draft-input': 'position tables',
  vision: 'vision',
  projector: 'vision',
  other: 'position tables',
};

/** Bytes and elements of one kind of weight on one device. */
export interface WeightShare {
  bytes: number;
  elements: number;
  /** Elements of the same tensors before they were cut over devices. */
  wholeElements: number;
  /** Elements by storage type. Scales, zero points and rounding count in `bytes` only. */
  readonly stored: Map<string, StoredElements>;
}

export interface StoredElements {
  readonly type: string;
  readonly bits: number;
  elements: number;
}

/** Returns the tag of a tensor with this role. */
export function weightTag(role: TensorRole): WeightTag {
  return tags[role];
}

export interface DeviceWeights {
  readonly byTag: ReadonlyMap<WeightTag, WeightShare>;
  readonly bytes: number;
  /** Layers of the pipeline stage, half-open [start, end). */
  readonly layers: readonly [number, number];
}

/** Sums the weights on the fullest device: the pipeline stage with the most bytes, at its tensor-parallel share. */
export function deviceWeights(
  spec: ModelSpec,
  format: WeightFormat,
  parallelism: Parallelism,
): DeviceWeights {
  const stages = stageWeights(spec, format, parallelism);
  return stages.reduce((fullest, stage) => (stage.bytes > fullest.bytes ? stage : fullest));
}

/** Sums the weights on a device of each pipeline stage, first to last. */
export function stageWeights(
  spec: ModelSpec,
  format: WeightFormat,
  parallelism: Parallelism,
): readonly [DeviceWeights, ...DeviceWeights[]] {
  const bySpec = remember(stageMemo, format, 'stages', () => new WeakMap());
  return remember(bySpec, spec, parallelismKey(parallelism), () => sumStages(spec, format, parallelism));
}

const stageMemo = createMemo<Memo<readonly [DeviceWeights, ...DeviceWeights[]]>>();

function sumStages(
  spec: ModelSpec,
  format: WeightFormat,
  parallelism: Parallelism,
): readonly [DeviceWeights, ...DeviceWeights[]] {
  const layerShares = layerWeightCache(format, parallelism);
  const stages = pipelineStages(spec.layers.length, parallelism);
  const found = stages.map((stage, stageIndex): DeviceWeights => {
    const byTag = new Map<WeightTag, WeightShare>();
    for (let index = stage[0]; index < stage[1]; index++) {
      const layer = spec.layers[index];
      if (layer !== undefined) merge(byTag, layerShares(layer));
    }
    const position = { first: stageIndex === 0, last: stageIndex === stages.length - 1 };
    merge(byTag, outerWeights(spec, format, parallelism, position));
    let total = 0;
    for (const share of byTag.values()) total += share.bytes;
    return { byTag, bytes: total, layers: stage };
  });
  const [first, ...rest] = found;
  return [defined(first, 'a pipeline has at least one stage'), ...rest];
}

/** Returns a function that sums the weights of a layer, once per distinct layer. */
function layerWeightCache(
  format: WeightFormat,
  parallelism: Parallelism,
): (layer: LayerSpec) => ReadonlyMap<WeightTag, WeightShare> {
  const cache = new Map<LayerSpec, ReadonlyMap<WeightTag, WeightShare>>();
  return (layer) => {
    const known = cache.get(layer);
    if (known !== undefined) return known;
    const shares = new Map<WeightTag, WeightShare>();
    for (const tensor of layer.tensors) addTensor(shares, { tensor, layer }, format, parallelism);
    cache.set(layer, shares);
    return shares;
  };
}

/** Roles outside the layers that every stage of a pipeline reads. */
const isReadByAll: ReadonlySet<TensorRole> = new Set(['other', 'layer-input', 'draft-input']);

/**
 * Sums the tensors outside the layers. The first stage holds embeddings and vision tower, the last stage head and final
 * norm; every stage holds the tables that every layer reads.
 */
function outerWeights(
  spec: ModelSpec,
  format: WeightFormat,
  parallelism: Parallelism,
  position: { readonly first: boolean; readonly last: boolean },
): ReadonlyMap<WeightTag, WeightShare> {
  const shares = new Map<WeightTag, WeightShare>();
  for (const tensor of spec.tensors) {
    const isInput = tensor.role === 'token-embedding' || tensor.role === 'position-embedding';
    // A tied head reads the embedding matrix, so the last stage of a pipeline needs its own copy.
    const isNeeded = isInput
      ? position.first || (spec.tiedEmbeddings && position.last)
      : position.last || isReadByAll.has(tensor.role);
    if (isNeeded) addTensor(shares, { tensor, layer: null }, format, parallelism);
  }
  if (position.first && spec.vision !== null) merge(shares, visionWeights(spec.vision, format, parallelism));
  return shares;
}

/** Sums the vision tower, which has hundreds of tensors and is the same in every layout of as many devices. */
function visionWeights(
  vision: NonNullable<ModelSpec['vision']>,
  format: WeightFormat,
  parallelism: Parallelism,
): ReadonlyMap<WeightTag, WeightShare> {
  const byVision = remember(visionMemo, format, 'vision', () => new WeakMap());
  const { tensor: ways, wholeVision = false } = parallelism;
  return remember(byVision, vision, `${ways},${wholeVision}`, () => {
    const shares = new Map<WeightTag, WeightShare>();
    for (const tensor of vision.tensors) addTensor(shares, { tensor, layer: null }, format, parallelism);
    return shares;
  });
}

const visionMemo = createMemo<Memo<ReadonlyMap<WeightTag, WeightShare>>>();

function addTensor(
  shares: Map<WeightTag, WeightShare>,
  place: { readonly tensor: TensorSpec; readonly layer: LayerSpec | null },
  format: WeightFormat,
  parallelism: Parallelism,
): void {
  const { tensor, layer } = place;
  const elements = elementsPerDevice(tensor, layer, parallelism);
  const whole = elementCount(tensor);
  const exact = whole === 0 ? 0 : format.bytes(tensor) * (elements / whole);
  const bytes = format.allocate?.(exact) ?? exact;
  const share = shareOf(shares, tags[tensor.role]);
  share.bytes += bytes;
  share.elements += elements;
  share.wholeElements += whole;
  if (whole === 0) return;
  const { type, bits } = format.element(tensor);
  addStored(share.stored, `${type} ${bits}`, { type, bits, elements });
}

function shareOf(shares: Map<WeightTag, WeightShare>, tag: WeightTag): WeightShare {
  const known = shares.get(tag);
  if (known !== undefined) return known;
  const share: WeightShare = { bytes: 0, elements: 0, wholeElements: 0, stored: new Map() };
  shares.set(tag, share);
  return share;
}

function addStored(stored: Map<string, StoredElements>, key: string, part: StoredElements): void {
  const known = stored.get(key);
  if (known === undefined) stored.set(key, { ...part });
  else known.elements += part.elements;
}

function merge(into: Map<WeightTag, WeightShare>, from: ReadonlyMap<WeightTag, WeightShare>): void {
  for (const [tag, share] of from) {
    const sum = shareOf(into, tag);
    sum.bytes += share.bytes;
    sum.elements += share.elements;
    sum.wholeElements += share.wholeElements;
    for (const [key, part] of share.stored) addStored(sum.stored, key, part);
  }
}
