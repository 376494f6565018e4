/** The form of the commands that start SGLang. */
import type { CommandForm } from '../contract/command-form.ts';
import { refuseVariable } from '../contract/refused-words.ts';

const refused = [
  'SGLANG_MAMBA_SSM_DTYPE',
  'SGLANG_MAMBA_CONV_DTYPE',
  'SGLANG_ENABLE_POST_CAPTURE_KV_SIZING',
  'SGLANG_OPT_USE_ONLINE_COMPRESS',
  'SGLANG_VLM_CACHE_SIZE_MB',
  'SGLANG_SYMM_MEM_PREALLOC_GB_SIZE',
] as const;

export const sglangCommandForm: CommandForm = {
  programs: [['sglang', 'serve']],
  modules: ['sglang.launch_server', 'sglang'],
  images: ['lmsysorg/sglang', 'rocm/sgl-dev', 'lmsysorg/sglang-rocm'],
  modelFlags: ['--model-path', '--model'],
  takesModelWord: false,
  usualContext: 'model',
  contextIsShared: false,
  readTokens: null,
  variables: Object.fromEntries(
    refused.map((name) => [name, (value: string) => refuseVariable(name, value)]),
  ),
  abbreviates: true,
  // SGLang's second name of --ep-size is a switch of `plimsoll plan`.
  shorthands: { '--ep': (devices) => ({ 'ep-size': devices }) },
  largestOf: { '--cuda-graph-max-bs': ['--cuda-graph-bs', '--cuda-graph-bs-decode'] },
  idleValues: {
    '--cpu-offload-gb': ['0'],
    '--attn-dp-size': ['1'],
    '--attn-cp-size': ['1'],
    '--dcp-size': ['1'],
    '--moe-dp-size': ['1'],
    '--json-model-override-args': ['{}'],
  },
};
