/** How people start llama.cpp. Its variables are those that common/arg.cpp gives to flags. */
import type { CommandForm } from '../contract/command-form.ts';

const flagOf =
  (flag: string): ((value: string) => Readonly<Record<string, string>>) =>
  (value) => ({ [flag]: value });

export const llamaCppCommandForm: CommandForm = {
  programs: [['llama-server'], ['llama-cli'], ['llama-completion'], ['llama-mtmd-cli']],
  modules: [],
  images: ['ggml-org/llama.cpp', 'ggerganov/llama.cpp'],
  modelFlags: ['-m', '--model', '-hf', '-hfr', '--hf-repo', '-mu', '--model-url'],
  takesModelWord: false,
  usualContext: 'model',
  contextIsShared: true,
  readTokens: null,
  variables: {
    LLAMA_ARG_MODEL: flagOf('model'),
    LLAMA_ARG_HF_REPO: flagOf('model'),
    LLAMA_ARG_CTX_SIZE: flagOf('context'),
    LLAMA_ARG_N_PARALLEL: flagOf('users'),
    LLAMA_ARG_N_GPU_LAYERS: flagOf('ngl'),
    LLAMA_ARG_FLASH_ATTN: flagOf('fa'),
    LLAMA_ARG_BATCH: flagOf('batch'),
    LLAMA_ARG_UBATCH: flagOf('ub'),
    LLAMA_ARG_CACHE_TYPE_K: flagOf('ctk'),
    LLAMA_ARG_CACHE_TYPE_V: flagOf('ctv'),
    LLAMA_ARG_N_CPU_MOE: flagOf('n-cpu-moe'),
  },
  abbreviates: false,
};
