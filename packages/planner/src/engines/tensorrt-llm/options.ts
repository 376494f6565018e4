/** The options of TensorRT-LLM that a plan knows: flags of trtllm-serve, and keys of its file of options. */
import { countOption, decimalOption, type OptionSpec, switchOption } from '../contract/option-spec.ts';

export interface TensorrtLlmOptions {
  readonly freeGpuMemoryFraction?: number | undefined;
  readonly maxBatchSize?: number | undefined;
  readonly maxNumTokens?: number | undefined;
  readonly cacheTokensMax?: number | undefined;
  /** Every device of --tp holds whole attention layers and a part of the users (enable_attention_dp). */
  readonly attentionDp?: boolean | undefined;
}

/** Returns the spellings of a flag: the engine uses underscores, and the reader of pasted commands looks for dashes. */
export function flagsOf(...names: readonly string[]): readonly string[] {
  return names.flatMap((name) => [`--${name}`, `--${name.replaceAll('_', '-')}`]);
}

export const tensorrtLlmOptions: readonly OptionSpec<TensorrtLlmOptions>[] = [
  decimalOption<TensorrtLlmOptions>(
    {
      name: 'free-gpu-memory-fraction',
      flags: flagsOf('kv_cache_free_gpu_memory_fraction', 'free_gpu_memory_fraction'),
      words: 'share of the memory left after weights and activations that the cache may take',
      field: 'number',
    },
    (freeGpuMemoryFraction) => ({ freeGpuMemoryFraction }),
    ({ freeGpuMemoryFraction }) => freeGpuMemoryFraction,
  ),
  countOption<TensorrtLlmOptions>(
    { name: 'max-batch-size', flags: flagsOf('max_batch_size'), words: 'sequences at once', field: 'number' },
    (maxBatchSize) => ({ maxBatchSize }),
    ({ maxBatchSize }) => maxBatchSize,
  ),
  countOption<TensorrtLlmOptions>(
    {
      name: 'max-num-tokens',
      flags: flagsOf('max_num_tokens'),
      words: 'tokens of one step',
      field: 'number',
    },
    (maxNumTokens) => ({ maxNumTokens }),
    ({ maxNumTokens }) => maxNumTokens,
  ),
  countOption<TensorrtLlmOptions>(
    {
      name: 'kv-cache-tokens',
      flags: [],
      value: '<tokens>',
      words: 'most tokens of the cache (kv_cache_config.max_tokens)',
    },
    (cacheTokensMax) => ({ cacheTokensMax }),
    ({ cacheTokensMax }) => cacheTokensMax,
  ),
  switchOption<TensorrtLlmOptions>(
    {
      name: 'enable-attention-dp',
      flags: [],
      words: 'every device of --tp holds whole attention layers and a part of the users',
    },
    { attentionDp: true },
    ({ attentionDp }) => attentionDp === true,
  ),
];
