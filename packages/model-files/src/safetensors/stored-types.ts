/**
 * What the shards of a Hub checkpoint hold, asked for in the words of a ModelSpec. Two things differ between them: names in
 * the files are prefixed with the layer, and the experts that a spec counts as one stack are one tensor each,
 * `experts.7.gate_proj.weight`.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { LayerSpec, ModelSpec, TensorSpec } from '../model-spec.ts';
import type { SafetensorsModel, ShardTensor } from './sharded.ts';

/** One matrix of a model. */
export interface CheckpointAddress {
  /** Layer number; null outside layers. */
  readonly layer: number | null;
  /** Name as the ModelSpec has it. */
  readonly name: string;
  /** Which matrix of a stack. */
  readonly slice: number;
  readonly slices: number;
}

export class CheckpointTensors {
  readonly #byName: ReadonlyMap<string, ShardTensor>;

  constructor(model: SafetensorsModel) {
    this.#byName = new Map(model.tensors.map((tensor) => [tensor.name, tensor]));
  }

  need(address: CheckpointAddress): ShardTensor {
    const name = fullName(address);
    const tensor = this.#byName.get(name);
    if (tensor !== undefined) return tensor;
    throw new PlimsollError({
      code: 'missing-tensor',
      message: `the checkpoint has no tensor ${name}, which its config promises`,
      value: name,
      hint: 'the download is incomplete, or config.json belongs to another checkpoint',
    });
  }
}

function fullName({ layer, name, slice, slices }: CheckpointAddress): string {
  const own = slices > 1 ? name.replace('.experts.', `.experts.${slice}.`) : name;
  return layer === null ? own : `model.layers.${layer}.${own}`;
}

/** The spec with what the shards say about every tensor, so that memory is planned for what will be read. */
export function withStoredTypes(spec: ModelSpec, model: SafetensorsModel): ModelSpec {
  const tensors = new CheckpointTensors(model);
  const stored = (tensor: TensorSpec, layer: number | null): TensorSpec => {
    const slices = tensor.shape.length > 2 ? (tensor.shape[0] ?? 1) : 1;
    const shape = slices > 1 ? tensor.shape.slice(1) : tensor.shape;
    const first = tensors.need({ layer, name: tensor.name, slice: 0, slices });
    // Every matrix of a stack is one tensor of a shard, and is read as what the first one is.
    for (let slice = 0; slice < slices; slice++) {
      const found = tensors.need({ layer, name: tensor.name, slice, slices });
      if (found.shape.join() !== shape.join()) throw shapeMismatch(found, shape);
      if (found.type !== first.type) throw typeMismatch(found, first);
    }
    return { ...tensor, stored: { type: first.type, bytes: slices * first.bytes } };
  };
  // Layers that are alike stay one object, as the spec promises.
  const known = new Map<string, LayerSpec>();
  const layers = spec.layers.map((layer, index) => {
    const held = { ...layer, tensors: layer.tensors.map((tensor) => stored(tensor, index)) };
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
