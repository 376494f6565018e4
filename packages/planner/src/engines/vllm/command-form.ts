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
  // Both levels capture the graphs that a plan counts; lower levels capture fewer.
};

/** Small letters count in thousands, capitals in powers of 1024 (vllm/engine/arg_utils.py, human_readable_int). */
function tokensOf(text: string): string {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([kmg])$/.exec(text) ?? [];
  const power = ['k', 'm', 'g'].indexOf(unit ?? '') + 1;
  return digits === undefined || power === 0 ? text : String(Math.floor(Number(digits) * 1000 ** power));
}
