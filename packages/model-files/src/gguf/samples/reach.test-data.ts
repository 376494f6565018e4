/** Small models of families that differ in the layers with a window; their tensors are simplified. */
import {
  type Architecture,
  attentionRows,
  gatedRows,
  modelRows,
  normRows,
  type Sample,
  sample,
} from './contents.test-data.ts';

/** Makes a small model of a family that differs from others only in the layers with a window. */
function windowed(
  name: string,
  model: string,
  config: Sample['config'],
  keys: Architecture['keys'] = {},
): Sample {
  const twoNorms = normRows(64, 'attn_norm', 'ffn_norm');
  return sample(
    name,
    {
      model_type: model,
      hidden_size: 64,
      intermediate_size: 128,
      max_position_embeddings: 4096,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      num_hidden_layers: 8,
      head_dim: 16,
      vocab_size: 128,
      tie_word_embeddings: false,
      ...config,
    },
    {
      name,
      keys: {
        context_length: 4096,
        embedding_length: 64,
        feed_forward_length: 128,
        'attention.head_count': 4,
        'attention.head_count_kv': 2,
        'attention.key_length': 16,
        'attention.value_length': 16,
        ...keys,
      },
      model: modelRows(128, 64),
      blocks: 8,
      block: () => [
        ...twoNorms,
        ...attentionRows({ hidden: 64, heads: 4, kvHeads: 2, key: 16 }),
        ...gatedRows(64, 128),
      ],
    },
  );
}

const gemma3nFull = (layer: number): boolean => layer % 5 === 4;

/** Only the kinds of layers are complete: the sample omits AltUp and Laurel. */
const gemma3n = sample(
  'Gemma 3n E4B',
  {
    model_type: 'gemma3n_text',
    head_dim: 256,
    hidden_size: 2048,
    hidden_size_per_layer_input: 256,
    intermediate_size: 16384,
    max_position_embeddings: 32768,
    num_attention_heads: 8,
    num_hidden_layers: 35,
    num_key_value_heads: 2,
    num_kv_shared_layers: 15,
    sliding_window: 512,
    layer_types: Array.from({ length: 35 }, (_, layer) =>
      gemma3nFull(layer) ? 'full_attention' : 'sliding_attention',
    ),
    vocab_size: 262400,
    vocab_size_per_layer_input: 262144,
  },
  {
    name: 'gemma3n',
    keys: {
      context_length: 32768,
      embedding_length: 2048,
      feed_forward_length: 16384,
      'attention.head_count': 8,
      'attention.head_count_kv': 2,
      'attention.key_length': 256,
      'attention.value_length': 256,
      'attention.sliding_window': 512,
    },
    model: modelRows(262400, 2048, { tied: true }),
    blocks: 35,
    block: () => [
      ...normRows(2048, 'attn_norm', 'ffn_norm'),
      ...attentionRows({ hidden: 2048, heads: 8, kvHeads: 2, key: 256 }),
      ...gatedRows(2048, 16384),
    ],
  },
);

export const reachSamples: readonly Sample[] = [
  windowed('cohere2', 'cohere2', { sliding_window: 512 }, { 'attention.sliding_window': 512 }),
  windowed(
    'exaone4',
    'exaone4',
    { sliding_window: 512, sliding_window_pattern: 4 },
    { 'attention.sliding_window': 512 },
  ),
  windowed('olmo2', 'olmo3', { sliding_window: 512 }, { 'attention.sliding_window': 512 }),
  windowed('olmo2', 'olmo2', {}),
  windowed('qwen3', 'qwen3', {}),
  windowed('smollm3', 'smollm3', {}),
  windowed('granite', 'granite', {}),
  windowed('stablelm', 'stablelm', {}),
  windowed('command-r', 'cohere', {}),
  windowed('internlm2', 'internlm2', {}),
  windowed('gemma', 'gemma', { tie_word_embeddings: false }),
  gemma3n,
];
