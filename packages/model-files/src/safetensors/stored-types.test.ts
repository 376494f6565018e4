/**
 * Specs with the types of their shards: plain tensors, stacks of experts, and checkpoints that contradict their config.
 */
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

/** Builds a shard with every tensor of the spec in 16 bits. */
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

test('every tensor has the type and bytes of its shard, and a stack has the sum of its matrices', () => {
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

test('a matrix of a stack is found by its index', () => {
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

test('a missing tensor or a tensor of another shape is refused by name', () => {
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

test('all matrices of a stack must have the shape and type of the first', () => {
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

const gemma = modelSpecFromConfig(
  {
    model_type: 'gemma4',
    text_config: {
      model_type: 'gemma4_text',
      attention_k_eq_v: true,
      enable_moe_block: true,
      global_head_dim: 8,
      head_dim: 8,
      hidden_size: 8,
      hidden_size_per_layer_input: 0,
      intermediate_size: 16,
      layer_types: ['sliding_attention', 'full_attention', 'full_attention'],
      max_position_embeddings: 64,
      moe_intermediate_size: 16,
      num_attention_heads: 2,
      num_experts: 3,
      num_hidden_layers: 3,
      num_key_value_heads: 1,
      num_kv_shared_layers: 1,
      sliding_window: 16,
      top_k_experts: 2,
      vocab_size: 32,
    },
  },
  { id: 'nested' },
);

/**
 * Builds a checkpoint like Gemma 4's: nested in a larger model, with a stack in one tensor and a scalar per layer that
 * the config does not state.
 */
function nestedCheckpoint(): ShardTensor[] {
  const tensors: ShardTensor[] = [];
  const add = (name: string, shape: readonly number[]): void => {
    const bytes = 2 * shape.reduce((product, size) => product * size, 1);
    const offset = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
    tensors.push({ name, type: 'BF16', shape: [...shape], bytes, offset, shard: 0 });
  };
  for (const { name, shape } of gemma.tensors) add(name.replace('model.', 'model.language_model.'), shape);
  for (const [index, layer] of gemma.layers.entries()) {
    const prefix = `model.language_model.layers.${index}.`;
    for (const { name, shape } of layer.tensors) add(prefix + name, shape);
    add(`${prefix}layer_scalar`, [1]);
  }
  add('model.vision_tower.patch_embedder.weight', [8, 8]);
  return tensors;
}

test('a text model inside a larger model: names have a prefix, and a matrix is a slice of its stack', () => {
  const model = modelOf(nestedCheckpoint());
  const held = withStoredTypes(gemma, model);
  expect(held.tensors.map(({ name }) => name)).toEqual(gemma.tensors.map(({ name }) => name));
  const address = { layer: 1, name: 'experts.gate_up_proj', slices: 3 };
  const whole = model.tensors.find(({ name }) => name.endsWith('layers.1.experts.gate_up_proj'));
  const second = new CheckpointTensors(model).need({ ...address, slice: 1 });
  expect(second).toMatchObject({ shape: [32, 8], bytes: 512, offset: (whole?.offset ?? 0) + 512 });
});

test('the spec gains tensors that the config does not state, and unread tensors may be absent', () => {
  const isUnread = (name: string): boolean => /layers\.2\.self_attn\.(k_proj|k_norm)/.test(name);
  const present = nestedCheckpoint().filter(({ name }) => !isUnread(name));
  const [, , last] = withStoredTypes(gemma, modelOf(present)).layers;
  expect(last?.attention).toMatchObject({ sharesKvWithLayer: 1 });
  expect(last?.tensors.some(({ name }) => /k_proj|k_norm/.test(name))).toBe(false);
  expect(last?.tensors.find(({ name }) => name === 'layer_scalar')).toEqual({
    name: 'layer_scalar',
    role: 'other',
    shape: [1],
    stored: { type: 'BF16', bytes: 2 },
  });
  const inverse = { name: 'model.language_model.layers.0.self_attn.rotary_emb.inv_freq', shape: [4] };
  const [first] = present;
  const repeated = [...present, ...(first === undefined ? [] : [{ ...first, ...inverse }])];
  expect(withStoredTypes(gemma, modelOf(repeated))).toEqual(withStoredTypes(gemma, modelOf(present)));
});
