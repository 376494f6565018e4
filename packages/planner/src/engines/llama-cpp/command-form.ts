/** How people start llama.cpp. Its variables are those that common/arg.cpp gives to flags. */
import type { CommandForm } from '../contract/command-form.ts';
import { buildOfVersion, newestBuild, rulesOfBuild } from './engine-rules.ts';
import { openContexts } from './options.ts';

const flagOf =
  (flag: string): ((value: string) => Readonly<Record<string, string>>) =>
  (value) => ({ [flag]: value });

/** Older builds take this context without `-c`. */
const fixedContext = '4096';

/** Layers on devices without `-ngl`: none in old builds, then all (PR 15434), then as many as fit. */
function usualFlags(release: string | null): Readonly<Record<string, string>> {
  const { automaticFlashAttention, fits } = rulesOfBuild(
    (release === null ? null : buildOfVersion(release)) ?? newestBuild,
  );
  if (fits) return { ngl: 'auto' };
  return { context: fixedContext, ...(!automaticFlashAttention && { ngl: '0' }) };
}

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
  usualContext: 'own',
  usualFlags,
  // `plimsoll plan --draft` names a model.
  ownFlags: { '--draft': 'spec-draft-n-max' },
  contextIsShared: true,
  readTokens: (text) => (text === '0' ? openContexts.whole : text),
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
    LLAMA_ARG_FIT: flagOf('fit'),
    LLAMA_ARG_FIT_TARGET: flagOf('fit-target'),
    LLAMA_ARG_FIT_CTX: flagOf('fit-ctx'),
    LLAMA_ARG_SPLIT_MODE: flagOf('sm'),
    LLAMA_ARG_TENSOR_SPLIT: flagOf('ts'),
    LLAMA_ARG_OVERRIDE_TENSOR: flagOf('ot'),
    LLAMA_ARG_DEVICE: flagOf('device'),
    LLAMA_ARG_CACHE_RAM: flagOf('cache-ram'),
  },
  abbreviates: false,
  variants: [ramalamaForm],
};
