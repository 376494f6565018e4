/**
 * A ModelSpec as a GGUF file of a given mixture would hold it: every tensor under its GGUF name, with type and bytes. The
 * planner can then treat a model of the registry and a file that was read the same way.
 */
import {
  ggmlTensorBytes,
  ggmlTypeNamed,
  type LayerSpec,
  type ModelSpec,
  type TensorRole,
  type TensorSpec,
} from '@plimsoll/model-files/spec';
import { createMemo, rememberFew } from '../bytes/memo.ts';
import { parseFileType } from './file-type.ts';
import { type GgufTensor, ggufTensors } from './tensor-names.ts';
import { countsAsValue, type RecipeModel, tensorTypeChooser } from './tensor-type.ts';

export interface GgufSpecOptions {
  /** Store latent attention as two absorbed matrices; true for files made since April 2025. */
  readonly absorbedMla?: boolean;
  /** Store the prediction layers as further blocks. */
  readonly predictionLayers?: boolean;
  /** Fused qkv matrices follow the rule of value matrices; true for files made since February 2026. */
  readonly fusedCountsAsValue?: boolean;
}

/** A tensor of a file: where it stands and what it takes. */
export interface StoredTensor {
  readonly name: string;
  readonly layer: number | null;
  readonly shape: readonly number[];
  readonly role: TensorRole;
  readonly type: string;
  readonly bytes: number;
}

/** Lists already made, for plans that ask about one model many times. */
const remembered = new WeakMap<ModelSpec, Map<string, readonly StoredTensor[]>>();

/** The file's tensors in file order. Tensors that a file already describes keep its types. */
export function storedTensors(
  spec: ModelSpec,
  fileType: string | null,
  options: GgufSpecOptions = {},
): readonly StoredTensor[] {
  const lists = remembered.get(spec) ?? new Map<string, readonly StoredTensor[]>();
  remembered.set(spec, lists);
  const key = JSON.stringify([
    fileType,
    options.absorbedMla,
    options.predictionLayers,
    options.fusedCountsAsValue,
  ]);
  const list = lists.get(key) ?? listTensors(spec, fileType, options);
  lists.set(key, list);
  return list;
}

function listTensors(
  spec: ModelSpec,
  fileType: string | null,
  options: GgufSpecOptions,
): readonly StoredTensor[] {
  const tensors = ggufTensors(spec, {
    absorbedMla: options.absorbedMla ?? true,
    predictionLayers: options.predictionLayers ?? false,
  });
  const model = recipeModel(spec, tensors, options.fusedCountsAsValue ?? true);
  const choose = fileType === null ? null : tensorTypeChooser(parseFileType(fileType), model);
  return tensors.map((tensor) => {
    const { name, layer, shape, role, from } = tensor;
    const stored = from.stored;
    if (stored !== undefined) return { name, layer, shape, role, type: stored.type, bytes: stored.bytes };
    const type = choose === null ? plainType(spec, tensor) : choose(tensor);
    return { name, layer, shape, role, type, bytes: ggmlTensorBytes(ggmlTypeNamed(type), shape) };
  });
}

function plainType(spec: ModelSpec, tensor: GgufTensor): string {
  if (tensor.shape.length < 2 || tensor.from.role === 'norm' || tensor.from.role === 'router') return 'F32';
  return spec.elementType === 'fp32' ? 'F32' : spec.elementType === 'fp16' ? 'F16' : 'BF16';
}

function recipeModel(
  spec: ModelSpec,
  tensors: readonly GgufTensor[],
  fusedCountsAsValue: boolean,
): RecipeModel {
  const first = spec.layers.find((layer) => 'queryHeads' in layer.attention)?.attention;
  const grouped = first !== undefined && 'kvHeads' in first ? first.queryHeads / (first.kvHeads || 1) : 1;
  const experts = spec.layers.find((layer) => layer.mlp.kind === 'moe')?.mlp;
  return {
    layers: tensors.reduce((most, { layer }) => Math.max(most, (layer ?? -1) + 1), 0),
    experts: experts?.kind === 'moe' ? experts.experts : 0,
    groupedQueries: grouped,
    is70B: spec.layers.length === 80 && grouped > 1 && experts === undefined,
    tied: spec.tiedEmbeddings,
    valueTensors: tensors.filter((tensor) => countsAsValue(tensor.name)).length,
    fusedCountsAsValue,
  };
}

/**
 * The spec with every tensor as the file stores it, made once: what is remembered of a spec is then of its files too.
 * Layers whose stored tensors are equal are the same object.
 */
export function ggufSpec(spec: ModelSpec, fileType: string, options: GgufSpecOptions = {}): ModelSpec {
  const key = JSON.stringify([
    fileType,
    options.absorbedMla,
    options.predictionLayers,
    options.fusedCountsAsValue,
  ]);
  const small = { memo: specMemo, owner: spec, countMax: specCountMax };
  return rememberFew(small, key, () => makeGgufSpec(spec, fileType, options));
}

/** Mixtures of one model that are kept: those that people compare. */
const specCountMax = 12;
const specMemo = createMemo<ModelSpec>();

function makeGgufSpec(spec: ModelSpec, fileType: string, options: GgufSpecOptions): ModelSpec {
  const outside: StoredTensor[] = [];
  const inside = new Map<number, StoredTensor[]>();
  for (const tensor of storedTensors(spec, fileType, options)) {
    if (tensor.layer === null) {
      outside.push(tensor);
      continue;
    }
    const own = inside.get(tensor.layer) ?? [];
    inside.set(tensor.layer, own);
    own.push(tensor);
  }
  const kinds = new Map<LayerSpec, Map<string, LayerSpec>>();
  const layerWith = (layer: LayerSpec, index: number): LayerSpec => {
    const tensors = inside.get(index) ?? [];
    // Of one kind of layer the file's tensors differ in nothing but their types.
    const key = tensors.map(({ type }) => type).join();
    const seen = kinds.get(layer) ?? new Map<string, LayerSpec>();
    kinds.set(layer, seen);
    const made = seen.get(key) ?? { ...layer, tensors: tensors.map(storedSpec) };
    seen.set(key, made);
    return made;
  };
  const layers = spec.layers.map(layerWith);
  const predictionLayers = options.predictionLayers
    ? spec.predictionLayers.map((layer, index) => layerWith(layer, spec.layers.length + index))
    : [];
  return {
    ...spec,
    layers,
    predictionLayers,
    tensors: outside.map(storedSpec),
    quantization: null,
  };
}

/** Bytes of a file of this mixture, without its header. */
export function ggufFileBytes(spec: ModelSpec, fileType: string, options: GgufSpecOptions = {}): number {
  return storedTensors(spec, fileType, options).reduce((sum, tensor) => sum + tensor.bytes, 0);
}

function storedSpec({ name, role, shape, type, bytes }: StoredTensor): TensorSpec {
  return { name: name.replace(/^blk\.\d+\./, ''), role, shape, stored: { type, bytes } };
}
