/** How people start vLLM. */
import type { CommandForm } from '../contract/command-form.ts';
import { refuseVariable } from '../contract/refused-words.ts';

export const vllmCommandForm: CommandForm = {
  programs: [['vllm', 'serve']],
  modules: ['vllm.entrypoints.openai.api_server', 'vllm.entrypoints.api_server'],
  images: [
    'vllm/vllm-openai',
    'vllm/vllm-openai-rocm',
    'rocm/vllm',
    'rocm/vllm-dev',
    'nvidia/vllm',
    'mistral-src/vllm',
  ],
  modelFlags: ['--model'],
  takesModelWord: true,
  usualContext: 'model',
  contextIsShared: false,
  readTokens: tokensOf,
  variables: {
    VLLM_USE_V1: (value) => ({ core: value }),
    VLLM_PP_LAYER_PARTITION: (value) => ({ 'pp-layer-partition': value }),
    VLLM_PLE_CPU_OFFLOAD: (value) => refuseVariable('VLLM_PLE_CPU_OFFLOAD', value),
    VLLM_CPU_KVCACHE_SPACE: (value) => refuseVariable('VLLM_CPU_KVCACHE_SPACE', value),
  },
  abbreviates: true,
  negates: true,
  idleValues: {
    // The two values differ by a few MiB.
    '--lora-extra-vocab-size': ['256', '512'],
    '--mm-ipc-gpu-memory-gb': ['0'],
    '--mm-processor-device': ['cpu'],
    '--prefill-context-parallel-size': ['1'],
    '-pcp': ['1'],
    '--ubatch-size': ['0', '1'],
    '--video-pruning-rate': ['0', '0.0'],
  },
  refusals: {
    '--diffusion-config': 'a diffusion model decodes blocks of tokens, and no record describes such a model',
    '--ec-transfer-config':
      'another instance holds the encoders, and this instance may hold no language model',
    '--enable-dbo': 'two halves of each step run at once, with buffers and workspaces of their own',
    '--mm-encoder-only': 'the server holds no language model, and so no cache',
    '--mm-ipc-gpu-memory-gb': 'processes of the API server take this memory from the cache',
    '--prefill-context-parallel-size': 'prompts are divided over further devices',
    '-pcp': 'prompts are divided over further devices',
    '--ubatch-size': 'parts of each step run at once, with buffers and workspaces of their own',
    '--video-pruning-rate': 'the profiling run of videos is not modelled',
  },
};

/** Small letters count in thousands, capitals in powers of 1024 (vllm/engine/arg_utils.py, human_readable_int). */
function tokensOf(text: string): string {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([kmg])$/.exec(text) ?? [];
  const power = ['k', 'm', 'g'].indexOf(unit ?? '') + 1;
  return digits === undefined || power === 0 ? text : String(Math.floor(Number(digits) * 1000 ** power));
}
