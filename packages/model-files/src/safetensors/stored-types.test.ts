/** A spec with the types that shards have: plain tensors, stacks of experts, and checkpoints that do not fit their config. */
import { expect, test } from 'vitest';
import { modelSpecFromConfig } from '../config/model-spec-from-config.ts';
import type { SafetensorsModel, ShardTensor } from './sharded.ts';
import { CheckpointTensors, withStoredTypes } from './stored-types.ts';

const spec = modelSpecFromConfig(
  {
    model_type: 'mixtral',
    architectures: ['MixtralForCausalLM'],
    hidden_size: 8,
    intermediate_size: 16,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    num_local_experts: 3,
    num_experts_per_tok: 2,
    vocab_size: 32,
    max_position_embeddings: 64,
    torch_dtype: 'bfloat16',
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
  },
  { id: 'sample' },
);

/** A shard with every tensor of the spec in 16 bits. */
function wholeCheckpoint(): ShardTensor[] {
  const tensors: ShardTensor[] = [];
  const add = (name: string, shape: readonly number[]): void => {
    const bytes = 2 * shape.reduce((product, size) => product * size, 1);
    tensors.push({ name, type: 'BF16', shape: [...shape], bytes, offset: 0, shard: 0 });
  };
  for (const { name, shape } of spec.tensors) add(name, shape);
  for (const [index, layer] of spec.layers.entries()) {
    for (const { name, shape } of layer.tensors) {
      const prefix = `model.layers.${index}.`;
      const [slices = 1, ...slice] = shape;
      if (shape.length < 3) add(`${prefix}${name}`, shape);
      else
        for (let at = 0; at < slices; at++)
          add(`${prefix}${name.replace('.experts.', `.experts.${at}.`)}`, slice);
    }
  }
  return tensors;
}

function modelOf(tensors: readonly ShardTensor[]): SafetensorsModel {
  return { shards: [], tensors, tensorBytes: 0, notIndexed: [] };
}

test('every tensor has the type and bytes of its shard, a stack those of all its matrices', () => {
  const held = withStoredTypes(spec, modelOf(wholeCheckpoint()));
  expect(held.source).toBe('safetensors');
  const [first, second] = held.layers;
  expect(first).toBe(second);
  const all = [...held.tensors, ...(first?.tensors ?? [])];
  for (const { shape, stored } of all) {
    const bytes = 2 * shape.reduce((product, size) => product * size, 1);
    expect(stored).toEqual({ type: 'BF16', bytes });
  }
  expect(all.some(({ shape }) => shape.length === 3)).toBe(true);
});

test('a matrix of a stack is found by its number', () => {
  const name = spec.layers[0]?.tensors.find(({ shape }) => shape.length === 3)?.name ?? '';
  const found = new CheckpointTensors(modelOf(wholeCheckpoint())).need({
    layer: 1,
    name,
    slice: 2,
    slices: 3,
  });
  expect(found.name).toContain('model.layers.1.');
  expect(found.name).toContain('.experts.2.');
});

test('a checkpoint that lacks a tensor or has it in another shape is refused by name', () => {
  const [lost, ...rest] = wholeCheckpoint();
  expect(() => withStoredTypes(spec, modelOf(rest))).toThrow(
    expect.objectContaining({ code: 'missing-tensor', value: lost?.name }),
  );
  const bent = wholeCheckpoint().map((tensor) =>
    tensor.name === lost?.name ? { ...tensor, shape: [7, 7] } : tensor,
  );
  expect(() => withStoredTypes(spec, modelOf(bent))).toThrow(
    expect.objectContaining({ code: 'shape-mismatch', value: '7 x 7' }),
  );
});

test('every matrix of a stack has the shape and type of the first', () => {
  const whole = wholeCheckpoint();
  const last = whole.findLast(({ name }) => name.includes('.experts.2.'));
  const changed = (change: Partial<ShardTensor>): SafetensorsModel =>
    modelOf(whole.map((tensor) => (tensor === last ? { ...tensor, ...change } : tensor)));
  expect(() => withStoredTypes(spec, changed({ shape: [7, 7] }))).toThrow(
    expect.objectContaining({ code: 'shape-mismatch', value: '7 x 7' }),
  );
  expect(() => withStoredTypes(spec, changed({ type: 'F32' }))).toThrow(
    expect.objectContaining({ code: 'type-mismatch', value: 'F32', limit: 'BF16' }),
  );
  expect(() => withStoredTypes(spec, modelOf(whole.filter((tensor) => tensor !== last)))).toThrow(
    expect.objectContaining({ code: 'missing-tensor', value: last?.name }),
  );
});
