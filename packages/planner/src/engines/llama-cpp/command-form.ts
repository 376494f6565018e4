/** How people start llama.cpp. Its variables are those that common/arg.cpp gives to flags. */
import type { CommandForm } from '../contract/command-form.ts';

const flagOf =
  (flag: string): ((value: string) => Readonly<Record<string, string>>) =>
  (value) => ({ [flag]: value });

/**
 * `ollama run`: llama.cpp with 4,096 tokens in each of its slots and with its own variables. Releases of 2026 take longer contexts
 * on devices of 24 GiB and more (docs/context-length); a command that relies on that needs --context.
 */
const ollamaForm: CommandForm = {
  programs: [['ollama', 'run']],
  modules: [],
  images: ['ollama/ollama'],
  modelFlags: [],
  takesModelWord: true,
  takesPrompt: true,
  usualContext: 4096,
  contextIsShared: false,
  readTokens: null,
  variables: {
    OLLAMA_CONTEXT_LENGTH: (value) => (value === '0' ? {} : { context: value }),
    OLLAMA_NUM_PARALLEL: (value) => (value === '0' ? {} : { users: value }),
    OLLAMA_FLASH_ATTENTION: flagOf('fa'),
    OLLAMA_KV_CACHE_TYPE: (value) => ({ ctk: value, ctv: value }),
  },
  idleFlags: {
    switches: ['--verbose', '--nowordwrap', '--insecure', '--hidethinking', '--think', '--truncate'],
    options: ['--keepalive', '--format', '--dimensions'],
  },
  abbreviates: false,
};

/** `ramalama serve` and `ramalama run`: llama-server in a container, with the context of the model and all layers on the device. */
const ramalamaForm: CommandForm = {
  programs: [
    ['ramalama', 'serve'],
    ['ramalama', 'run'],
  ],
  modules: [],
  images: ['ramalama/ramalama', 'ramalama/cuda', 'ramalama/rocm'],
  modelFlags: [],
  takesModelWord: true,
  takesPrompt: true,
  usualContext: 'model',
  contextIsShared: true,
  readTokens: null,
  variables: {},
  idleFlags: {
    switches: ['--detach', '-d', '--debug'],
    options: ['--name', '-n', '--port', '-p', '--host', '--temp'],
  },
  abbreviates: false,
};

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
  variants: [ollamaForm, ramalamaForm],
};
