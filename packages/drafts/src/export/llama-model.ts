/** A trained language model as a folder of Hugging Face: a Llama whose head is its embedding, with the tokenizer of its data. */
import { copyFile, mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { toBfloat16 } from '@plimsoll/foundation/half-floats';
import { writeWholeFile } from '@plimsoll/foundation/whole-file';
import { layOutSafetensors } from '@plimsoll/model-files/writing';
import type { ParameterSet, TrainingArena } from '@plimsoll/training';
import type { LmConfig } from '../algorithms/lm/lm-recording.ts';
import type { WeightsType } from './draft-config.ts';
import { bytesOf, checkAbsent } from './exported-file.ts';

export interface LlamaExport {
  readonly folder: string;
  readonly config: LmConfig;
  readonly parameters: ParameterSet;
  readonly arena: Pick<TrainingArena, 'parameter'>;
  readonly contextMax: number;
  readonly weightsType: WeightsType;
  /** Folder whose tokenizer files are copied; null for none. */
  readonly tokenizerFolder: string | null;
}

const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json', 'chat_template.jinja'] as const;

/** Throws `export-exists` before the first byte is written. */
export async function writeLlama(request: LlamaExport): Promise<void> {
  const { folder, parameters, arena, weightsType, tokenizerFolder } = request;
  const weights = join(folder, 'model.safetensors');
  const config = join(folder, 'config.json');
  await mkdir(folder, { recursive: true });
  await checkAbsent([weights, config]);
  const tensors = parameters.parameters.map(({ name, tensor: { rows, columns } }) => ({
    ...{ name, type: weightsType, shape: rows === 1 ? [columns] : [rows, columns] },
    bytes(): Uint8Array {
      const values = Float32Array.from(arena.parameter(name));
      return bytesOf(weightsType === 'F32' ? values : toBfloat16(values));
    },
  }));
  const { header } = layOutSafetensors(tensors, { format: 'pt' });
  await writeWholeFile(weights, chunks(header, tensors));
  const control = await controlTokens(tokenizerFolder);
  await writeWholeFile(config, [`${JSON.stringify({ ...llamaConfig(request), ...control }, null, 2)}\n`]);
  if (tokenizerFolder === null) return;
  for (const name of tokenizerFiles) {
    const source = join(tokenizerFolder, name);
    const isThere = await stat(source).then(
      () => true,
      () => false,
    );
    if (isThere) await copyFile(source, join(folder, name));
  }
}

function* chunks(
  header: Uint8Array,
  tensors: readonly { readonly bytes: () => Uint8Array }[],
): Generator<Uint8Array> {
  yield header;
  for (const { bytes } of tensors) yield bytes();
}

/** The ids that begin and end texts, as the model has them that lends its tokenizer. */
async function controlTokens(folder: string | null): Promise<Readonly<Record<string, unknown>>> {
  if (folder === null) return {};
  const config: unknown = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
  const fields = Object.entries(typeof config === 'object' && config !== null ? config : {});
  return Object.fromEntries(fields.filter(([name]) => name === 'bos_token_id' || name === 'eos_token_id'));
}

function llamaConfig({ config, contextMax, weightsType }: LlamaExport) {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    attention_bias: false,
    mlp_bias: false,
    rms_norm_eps: config.epsilon,
    rope_theta: config.ropeBase,
    max_position_embeddings: contextMax,
    vocab_size: config.vocabulary,
    tie_word_embeddings: true,
    torch_dtype: weightsType === 'F32' ? 'float32' : 'bfloat16',
  };
}
