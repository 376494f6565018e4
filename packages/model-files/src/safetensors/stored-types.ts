/**
 * Finds the tensors of a Hub checkpoint by their names in a ModelSpec. Names in the files have a prefix for the layer,
 * and `language_model` if the text model is part of a larger model; the experts that a spec counts as one stack may be
 * one tensor each, `experts.7.gate_proj.weight`.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { isUnreadBySharing, type LayerSpec, type ModelSpec, type TensorSpec } from '../model-spec.ts';
import type { SafetensorsModel, ShardTensor } from './sharded.ts';

/** One matrix of a model. */
export interface CheckpointAddress {
  /** Index of the layer; null outside layers. */
  readonly layer: number | null;
  /** Name in the ModelSpec. */
  readonly name: string;
  /** Index of the matrix in its stack of `slices` matrices. */
  readonly slice: number;
  readonly slices: number;
}

/** Prefixes of a text model that is part of a larger model. */
const nestedPrefixes = ['model.language_model.', 'language_model.model.'];
const plainPrefix = 'model.';

/** The tensors of a checkpoint, found by their names in a ModelSpec. */
export class CheckpointTensors {
  readonly #byName: ReadonlyMap<string, ShardTensor>;
  readonly #prefix: string;

  constructor(model: SafetensorsModel) {
    this.#byName = new Map(model.tensors.map((tensor) => [tensor.name, tensor]));
    const has = (prefix: string): boolean => model.tensors.some(({ name }) => name.startsWith(prefix));
    this.#prefix = nestedPrefixes.find(has) ?? plainPrefix;
  }

  /** Finds one matrix like `find`. Throws `missing-tensor` if it is absent. */
  need(address: CheckpointAddress): ShardTensor {
    const tensor = this.find(address);
    if (tensor !== null) return tensor;
    const name = this.#fullName(address);
    throw new PlimsollError({
      code: 'missing-tensor',
      message: `the checkpoint has no tensor ${name}, which its config promises`,
      value: name,
      hint: 'the download is incomplete, or config.json belongs to another checkpoint',
    });
  }

  /** Finds one matrix: its own tensor, or its slice of a tensor that holds the whole stack. Null if it is absent. */
  find(address: CheckpointAddress): ShardTensor | null {
    const { slice, slices } = address;
    const tensor = this.#byName.get(this.#fullName(address)) ?? null;
    if (tensor === null || slices === 1 || tensor.shape.length < 3 || tensor.shape[0] !== slices)
      return tensor;
    const bytes = tensor.bytes / slices;
    return { ...tensor, shape: tensor.shape.slice(1), bytes, offset: tensor.offset + slice * bytes };
  }

  /** Returns the tensors of each layer, by their names in a spec, without constants that some files repeat. */
  ofLayers(): ReadonlyMap<number, ReadonlyMap<string, ShardTensor>> {
    const layers = new Map<number, Map<string, ShardTensor>>();
    const start = `${this.#prefix}layers.`;
    for (const [fullName, tensor] of this.#byName) {
      if (!fullName.startsWith(start) || fullName.endsWith('.rotary_emb.inv_freq')) continue;
      const [number = '', ...rest] = fullName.slice(start.length).split('.');
      const own = layers.get(Number(number)) ?? new Map<string, ShardTensor>();
      layers.set(Number(number), own.set(rest.join('.').replace(/\.experts\.\d+\./, '.experts.'), tensor));
    }
    return layers;
  }

  #fullName({ layer, name, slice, slices }: CheckpointAddress): string {
    const own = slices > 1 ? name.replace('.experts.', `.experts.${slice}.`) : name;
    if (layer !== null) return `${this.#prefix}layers.${layer}.${own}`;
    return own.startsWith(plainPrefix) ? this.#prefix + own.slice(plainPrefix.length) : own;
  }
}

/**
 * Adds the type and bytes in the shards to every tensor of a spec, so that the plan counts the bytes that are loaded.
 * Tensors that a layer has in the files but not in its config are added to the layer, because the code that computes
 * the layer needs them. Throws `missing-tensor`, `shape-mismatch` or `type-mismatch`.
 */
export function withStoredTypes(spec: ModelSpec, model: SafetensorsModel): ModelSpec {
  const tensors = new CheckpointTensors(model);
  const stored = (tensor: TensorSpec, layer: number | null): TensorSpec => {
    const slices = tensor.shape.length > 2 ? (tensor.shape[0] ?? 1) : 1;
    const shape = slices > 1 ? tensor.shape.slice(1) : tensor.shape;
    const first = tensors.need({ layer, name: tensor.name, slice: 0, slices });
    // A stack may be one tensor per matrix in the shards; the spec has one type for the whole stack.
    for (let slice = 0; slice < slices; slice++) {
      const found = tensors.need({ layer, name: tensor.name, slice, slices });
      if (found.shape.join() !== shape.join()) throw shapeMismatch(found, shape);
      if (found.type !== first.type) throw typeMismatch(found, first);
    }
    return { ...tensor, stored: { type: first.type, bytes: slices * first.bytes } };
  };
  // Equal layers stay one object, as ModelSpec requires.
  const known = new Map<string, LayerSpec>();
  const inFiles = tensors.ofLayers();
  const layers = spec.layers.map((layer, index) => {
    const own = inFiles.get(index) ?? new Map<string, ShardTensor>();
    const promised = layer.tensors.filter(
      (tensor) => own.has(tensor.name) || !isUnreadBySharing(layer, tensor),
    );
    const names = new Set(promised.map(({ name }) => name));
    const others = [...own].filter(([name]) => !names.has(name));
    const held = {
      ...layer,
      tensors: [...promised.map((tensor) => stored(tensor, index)), ...others.map(unpromised)],
    };
    const key = JSON.stringify(held);
    const same = known.get(key) ?? held;
    known.set(key, same);
    return same;
  });
  return {
    ...spec,
    source: 'safetensors',
    layers,
    tensors: spec.tensors.map((tensor) => stored(tensor, null)),
  };
}

function unpromised([name, { shape, type, bytes }]: [string, ShardTensor]): TensorSpec {
  return { name, role: 'other', shape, stored: { type, bytes } };
}

function shapeMismatch(tensor: ShardTensor, shape: readonly number[]): PlimsollError {
  return new PlimsollError({
    code: 'shape-mismatch',
    message: `tensor ${tensor.name} is [${tensor.shape.join(', ')}]; config.json implies [${shape.join(', ')}]`,
    value: tensor.shape.join(' x '),
    limit: shape.join(' x '),
    hint: 'config.json belongs to another checkpoint',
  });
}

function typeMismatch(tensor: ShardTensor, first: ShardTensor): PlimsollError {
  return new PlimsollError({
    code: 'type-mismatch',
    message: `tensor ${tensor.name} is stored as ${tensor.type}; ${first.name} of the same stack as ${first.type}`,
    value: tensor.type,
    limit: first.type,
    hint: 'the shards belong to different checkpoints: download them again',
  });
}
