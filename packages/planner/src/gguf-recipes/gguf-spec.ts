/**
 * Converts a ModelSpec to the spec of its GGUF file in a given mixture: every tensor has its GGUF name, type and bytes.
 * The planner then treats a model of the registry like a file that was read.
 */
import {
  ggmlTensorBytes,
  ggmlTypeNamed,
  type LayerSpec,
  type ModelSpec,
  type TensorRole,
  type TensorSpec,
} from '@plimsoll/model-files/spec';
import { createMemo, remember, rememberFew } from '../bytes/memo.ts';
import { parseFileType } from './file-type.ts';
import { type GgufTensor, ggufTensors } from './tensor-names.ts';
import { countsAsValue, type RecipeModel, tensorTypeChooser } from './tensor-type.ts';

export interface GgufSpecOptions {
  /** Stores latent attention as two absorbed matrices, as files do since April 2025. Default: true. */
  readonly absorbedMla?: boolean;
  /** Stores the prediction layers as additional blocks. Default: false. */
  readonly predictionLayers?: boolean;
  /** Fused qkv matrices follow the rule of value matrices, as in files since February 2026. Default: true. */
  readonly fusedCountsAsValue?: boolean;
}

/** A tensor of a file. `layer` is null outside layers; the shape is row-major: [.., out, in]. */
export interface StoredTensor {
  readonly name: string;
  readonly layer: number | null;
  readonly shape: readonly number[];
  readonly role: TensorRole;
  readonly type: string;
  readonly bytes: number;
}

/** Memo of tensor lists, because plans ask about one model many times. */
const remembered = new WeakMap<ModelSpec, Map<string, readonly StoredTensor[]>>();

/**
 * Lists the file's tensors in file order. Tensors whose type a file states keep it; a null `fileType` gives the others
 * the checkpoint's own type. Throws `unknown-file-type`.
 */
export function storedTensors(
  model: ModelSpec,
  fileType: string | null,
  options: GgufSpecOptions = {},
): readonly StoredTensor[] {
  const spec = convertedSpec(model);
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

/**
 * The spec that the converter sees. Checkpoints of StarCoder store their tied head a second time, and the converter keeps
 * both; servers of the checkpoint load one.
 */
export function convertedSpec(spec: ModelSpec): ModelSpec {
  if (spec.family !== 'gpt_bigcode' || !spec.tiedEmbeddings) return spec;
  return remember(convertedMemo, spec, 'converted', () => {
    const embedding = spec.tensors.find(({ role }) => role === 'token-embedding');
    const head: readonly TensorSpec[] =
      embedding === undefined ? [] : [{ ...embedding, name: 'lm_head.weight', role: 'lm-head' }];
    return { ...spec, tiedEmbeddings: false, tensors: [...spec.tensors, ...head] };
  });
}

const convertedMemo = createMemo<ModelSpec>();

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
  if (/ffn_gate_tid2eid/.test(tensor.name)) return 'I32';
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
 * Returns the spec with every tensor as the file stores it. The result is memoised, so that memos with this spec as
 * their owner work too. Layers with equal stored tensors are the same object. Throws `unknown-file-type`.
 */
export function ggufSpec(spec: ModelSpec, fileType: string, options: GgufSpecOptions = {}): ModelSpec {
  const key = JSON.stringify([
    fileType,
    options.absorbedMla,
    options.predictionLayers,
    options.fusedCountsAsValue,
  ]);
  const small = { memo: specMemo, owner: spec, countMax: specCountMax };
  return rememberFew(small, key, () => makeGgufSpec(convertedSpec(spec), fileType, options));
}

/** Most mixtures of one model in the memo: more than a user compares. */
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
    // Within one kind of layer, the file's tensors differ only in their types.
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

/** Returns the bytes of a file in this mixture, without its header. */
export function ggufFileBytes(spec: ModelSpec, fileType: string, options: GgufSpecOptions = {}): number {
  return storedTensors(spec, fileType, options).reduce((sum, tensor) => sum + tensor.bytes, 0);
}

function storedSpec({ name, role, shape, type, bytes }: StoredTensor): TensorSpec {
  return { name: name.replace(/^blk\.\d+\./, ''), role, shape, stored: { type, bytes } };
}
