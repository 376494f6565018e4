/** The face of SGLang: names, flags, scheduler, log. */
import type { EngineFace, Spellings } from '../contract/engine-face.ts';
import { type SglangOptions, sglangOptions } from './options.ts';
import { sglangStartLog } from './start-log.ts';

const spellings: Spellings = {
  context: ['--context-length'],
  tp: ['--tp-size', '--tensor-parallel-size'],
  pp: ['--pp-size', '--pipeline-parallel-size'],
  dp: ['--dp-size', '--data-parallel-size'],
  ep: ['--enable-ep-moe'],
  weights: ['--quantization'],
  dtype: ['--dtype'],
  kv: ['--kv-cache-dtype'],
};

const kernels: Readonly<Record<string, string>> = {
  awq_marlin: 'awq',
  gptq_marlin: 'gptq',
  w8a8_fp8: 'fp8',
  w8a8_int8: 'int8',
};

/** Values of --quantization for checkpoints that state their scheme (sglang/srt/arg_groups/choices.py). */
const storedFormats: Readonly<Record<string, null>> = {
  'auto-round': null,
  'compressed-tensors': null,
  gguf: null,
  modelopt: null,
  modelopt_fp4: null,
  modelopt_fp8: null,
  modelopt_mixed: null,
  moe_wna16: null,
  petit_nvfp4: null,
  quark: null,
  qoq: null,
  w4afp8: null,
};

export const sglangFace: EngineFace<SglangOptions, 'sglang'> = {
  name: 'sglang',
  title: 'SGLang',
  aliases: ['sgl'],
  options: sglangOptions,
  spellings,
  formatSpellings: { ...kernels, ...storedFormats },
  release: {
    form: /^v?0\.\d{1,2}(\.\d{1,2})?(\.post\d{1,2})?$/,
    limit: 'a release of SGLang, such as 0.5.9',
  },
  usualFormats: ['fp8', 'awq'],
  madeWhileLoading: ['fp8', 'bitsandbytes'],
  loads: 'checkpoints',
  split: 'tensors',
  usersWait: true,
  // A longer context needs SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN.
  runsPastTraining: false,
  runsHere: false,
  serving: {
    order: 'prefill-first',
    admission: 'first-chunk',
    // SGLang keeps room for a share of the output that running sequences may still write; it adapts the share to how
    // often the pool ran out.
    reserve: 0,
    skipHeadMax: 0,
    tokensOption: 'chunked-prefill-size',
    source:
      'sglang/srt/managers/scheduler.py, get_next_batch_to_run, of 0.5: a batch of prompts if one can be made, else a step of the running batch',
  },
  startLog: sglangStartLog,
};
