/** Small models for tests: seeded shapes of every kind of memory behaviour, with random stored types. */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import { type LayerSpec, type ModelSpec, modelSpecFromConfig } from '@plimsoll/model-files';
import { ggmlTensorBytes, ggmlTypeNamed, type TensorSpec } from '@plimsoll/model-files/spec';

type Config = Readonly<Record<string, unknown>>;

function pick<Value>(random: Random, values: readonly [Value, ...Value[]]): Value {
  return values[randomInteger(random, 0, values.length)] ?? values[0];
}

/** A random config: dense, tied, with sliding windows, with experts, or with caches that layers share. */
function tinyConfig(random: Random): Config {
  const headDim = pick(random, [32, 64, 96]);
  const kvHeads = randomInteger(random, 1, 3);
  const heads = kvHeads * randomInteger(random, 1, 4);
  const shape = {
    hidden_size: 32 * randomInteger(random, 1, 12),
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    num_hidden_layers: randomInteger(random, 1, 7),
    intermediate_size: 32 * randomInteger(random, 1, 20),
    vocab_size: randomInteger(random, 40, 700),
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: random() < 0.5,
    torch_dtype: pick(random, ['bfloat16', 'float16', 'float32']),
  };
  switch (pick(random, ['llama', 'gemma3_text', 'gemma4_text', 'qwen3_moe', 'qwen2'])) {
    case 'gemma3_text':
      return {
        ...shape,
        model_type: 'gemma3_text',
        sliding_window: pick(random, [32, 48, 512]),
        sliding_window_pattern: randomInteger(random, 2, 4),
        tie_word_embeddings: true,
      };
    case 'gemma4_text':
      return { ...shape, ...gemma4Traits(random, shape.num_hidden_layers), tie_word_embeddings: true };
    case 'qwen3_moe':
      return {
        ...shape,
        model_type: 'qwen3_moe',
        num_experts: randomInteger(random, 2, 9),
        num_experts_per_tok: 2,
        moe_intermediate_size: 32 * randomInteger(random, 1, 6),
        decoder_sparse_step: 1,
        norm_topk_prob: true,
      };
    case 'qwen2':
      return { ...shape, model_type: 'qwen2' };
    default:
      return { ...shape, model_type: 'llama' };
  }
}

/** Sliding and full attention alternate. With four or more layers, the last two read the caches of earlier layers. */
function gemma4Traits(random: Random, layers: number): Config {
  return {
    model_type: 'gemma4_text',
    global_head_dim: pick(random, [64, 128]),
    hidden_size_per_layer_input: pick(random, [0, 32, 64]),
    layer_types: Array.from({ length: layers }, (_, layer) =>
      layer % 2 === 0 ? 'sliding_attention' : 'full_attention',
    ),
    num_kv_shared_layers: layers >= 4 ? 2 : 0,
    sliding_window: pick(random, [32, 48, 512]),
    use_double_wide_mlp: random() < 0.5,
    vocab_size_per_layer_input: 700,
  };
}

const storedTypes = ['F32', 'F16', 'BF16', 'Q8_0', 'Q4_0', 'Q5_0', 'Q4_K', 'Q6_K'] as const;

/** Picks a stored type whose blocks divide the rows of a matrix. Vectors are F32. */
function storedTensor(tensor: TensorSpec, random: Random): TensorSpec {
  const columns = tensor.shape.at(-1) ?? 1;
  const wanted = tensor.shape.length < 2 ? 'F32' : pick(random, storedTypes);
  const type = columns % ggmlTypeNamed(wanted).blockElements === 0 ? wanted : 'F16';
  return { ...tensor, stored: { type, bytes: ggmlTensorBytes(ggmlTypeNamed(type), tensor.shape) } };
}

export function tinySpec(random: Random): ModelSpec {
  const spec = modelSpecFromConfig(tinyConfig(random), { id: 'tiny' });
  if (random() < 0.3) return spec;
  const layers = spec.layers.map(
    (layer): LayerSpec => ({
      ...layer,
      tensors: layer.tensors.map((tensor) => storedTensor(tensor, random)),
    }),
  );
  return {
    ...spec,
    source: 'gguf',
    layers,
    tensors: spec.tensors.map((tensor) => storedTensor(tensor, random)),
  };
}
