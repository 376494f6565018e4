/** For tests: EAGLE3 checkpoints with seeded random weights, for targets of 64 hidden and 320 tokens. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '@plimsoll/foundation/random';
import { encodeSafetensors, type SafetensorsData } from '@plimsoll/model-files/writing';

const hiddenSize = 64;
const draftVocabulary = 100;

const usualConfig = {
  architectures: ['LlamaForCausalLMEagle3'],
  model_type: 'llama',
  num_hidden_layers: 1,
  hidden_size: hiddenSize,
  intermediate_size: 96,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  vocab_size: 320,
  draft_vocab_size: draftVocabulary,
  max_position_embeddings: 512,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  eagle_config: { eagle_aux_hidden_state_layer_ids: [0, 1, 2], use_aux_hidden_state: true },
};

const shapes: Readonly<Record<string, readonly number[]>> = {
  'fc.weight': [hiddenSize, 3 * hiddenSize],
  'midlayer.input_layernorm.weight': [hiddenSize],
  'midlayer.hidden_norm.weight': [hiddenSize],
  'midlayer.self_attn.q_proj.weight': [64, 2 * hiddenSize],
  'midlayer.self_attn.k_proj.weight': [32, 2 * hiddenSize],
  'midlayer.self_attn.v_proj.weight': [32, 2 * hiddenSize],
  'midlayer.self_attn.o_proj.weight': [hiddenSize, 64],
  'midlayer.post_attention_layernorm.weight': [hiddenSize],
  'midlayer.mlp.gate_proj.weight': [96, hiddenSize],
  'midlayer.mlp.up_proj.weight': [96, hiddenSize],
  'midlayer.mlp.down_proj.weight': [hiddenSize, 96],
  'norm.weight': [hiddenSize],
  'lm_head.weight': [draftVocabulary, hiddenSize],
};

interface Changes {
  readonly config?: object;
  /** The name in the file for a usual name; null leaves the tensor out. */
  readonly rename?: (name: string) => string | null;
  /** The target's id of each draft token. */
  readonly ids?: readonly number[];
}

/** Writes a checkpoint, and returns its folder. */
export async function writeDraft(folder: string, { config, rename, ids }: Changes = {}): Promise<string> {
  const random = seededRandom(5);
  const tensors = Object.entries(shapes).map(([name, shape]): SafetensorsData => {
    const count = shape.reduce((product, size) => product * size, 1);
    const base = shape.length === 1 ? 1 : 0;
    const values = Float32Array.from({ length: count }, () => base + 0.6 * (random() - 0.5));
    return { name, type: 'F32', shape, data: new Uint8Array(values.buffer) };
  });
  const tokens = ids ?? Array.from({ length: draftVocabulary }, (_, index) => 3 * index + 1);
  const offsets = BigInt64Array.from(tokens, (token, index) => BigInt(token - index));
  const d2t = { name: 'd2t', type: 'I64', shape: [draftVocabulary], data: new Uint8Array(offsets.buffer) };
  const named = [...tensors, d2t].flatMap((tensor) => {
    const name = rename === undefined ? tensor.name : rename(tensor.name);
    return name === null ? [] : [{ ...tensor, name }];
  });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'model.safetensors'), encodeSafetensors(named));
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...usualConfig, ...config }));
  return folder;
}
