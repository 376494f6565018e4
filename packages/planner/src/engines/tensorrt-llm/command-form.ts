/** The form of the commands that start TensorRT-LLM. */
import type { CommandForm } from '../contract/command-form.ts';

/** Names of the file's keys that a plan takes, with its flags. */
const fileOptions =
  'kv_cache_config (--free-gpu-memory-fraction, --kv, --kv-cache-tokens), enable_attention_dp (--enable-attention-dp), max_batch_size and max_num_tokens';

export const tensorrtLlmCommandForm: CommandForm = {
  programs: [['trtllm-serve', 'serve'], ['trtllm-serve']],
  modules: ['tensorrt_llm.commands.serve'],
  images: ['nvidia/tensorrt-llm/release', 'nvidia/tritonserver'],
  modelFlags: [],
  takesModelWord: true,
  usualContext: 'model',
  contextIsShared: false,
  readTokens: null,
  variables: {},
  abbreviates: false,
  // The backend that the profile models.
  idleValues: { '--backend': ['pytorch'] },
  optionFiles: {
    flags: ['--extra-llm-api-options', '--extra_llm_api_options', '--config'],
    options: fileOptions,
  },
};
