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

/** Models with their settings (common/arg.cpp, presets). */
const coder = { batch: '1024', ub: '1024', context: '0' };
const gptOss = { batch: '32768', ub: '2048', users: '2', context: '262144' };

/** The first n layers with their dense feed-forward in host memory (common/common.h, llm_add_n_cpu_ffn_overrides). */
function hostFeedForward(count: string): Readonly<Record<string, string>> {
  const layers = /^\d{1,3}$/.test(count) ? Number(count) : 0;
  const numbers = Array.from({ length: layers }, (_, layer) => layer);
  return layers === 0 ? {} : { ot: `blk\\.(${numbers.join('|')})\\.ffn_(up|down|gate)\\.=CPU` };
}

const loadMode = (mode: string): Readonly<Record<string, null>> =>
  mode === 'none' || mode === 'mlock' || mode === 'dio' ? { 'no-mmap': null } : {};

const shorthands: NonNullable<CommandForm['shorthands']> = {
  '--spec-default': { 'spec-type': 'ngram-mod' },
  '--load-mode': loadMode,
  '-lm': loadMode,
  '--direct-io': { 'no-mmap': null },
  '-dio': { 'no-mmap': null },
  '--n-cpu-ffn': hostFeedForward,
  '-ncffn': hostFeedForward,
  '--fim-qwen-1.5b-default': { ...coder, model: 'ggml-org/Qwen2.5-Coder-1.5B-Q8_0-GGUF' },
  '--fim-qwen-3b-default': { ...coder, model: 'ggml-org/Qwen2.5-Coder-3B-Q8_0-GGUF' },
  '--fim-qwen-7b-default': { ...coder, model: 'ggml-org/Qwen2.5-Coder-7B-Q8_0-GGUF' },
  '--fim-qwen-30b-default': { ...coder, model: 'ggml-org/Qwen3-Coder-30B-A3B-Instruct-Q8_0-GGUF' },
  '--gpt-oss-20b-default': { ...gptOss, model: 'ggml-org/gpt-oss-20b-GGUF' },
  '--gpt-oss-120b-default': { ...gptOss, model: 'ggml-org/gpt-oss-120b-GGUF' },
  '--vision-gemma-4b-default': { context: '0', model: 'ggml-org/gemma-3-4b-it-qat-GGUF' },
  '--vision-gemma-12b-default': { context: '0', model: 'ggml-org/gemma-3-12b-it-qat-GGUF' },
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
  modelFlags: ['-m', '--model', '-hf', '-hfr', '--hf-repo', '-mu', '--model-url', '-dr', '--docker-repo'],
  takesModelWord: false,
  usualContext: 'own',
  usualFlags,
  shorthands,
  refusals: {
    '--control-vector': 'the file of the vectors is not read',
    '--embedding': 'an embedding server keeps the outputs of every token',
    '--embeddings': 'an embedding server keeps the outputs of every token',
    '--lora': 'the file of the adapter is not read',
    '--lora-scaled': 'the file of the adapter is not read',
    '--override-kv': 'the model would be another than its record describes',
    '--rerank': 'a reranking server keeps the outputs of every token',
    '--reranking': 'a reranking server keeps the outputs of every token',
    '--rpc': 'devices of other machines would share the model',
  },
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
