/** Facts about vLLM that need no plan: names, flags, scheduler, log. */
import type { EngineFace, Spellings } from '../contract/engine-face.ts';
import { type VllmOptions, vllmOptions } from './options.ts';
import { vllmStartLog } from './start-log.ts';

const spellings: Spellings = {
  context: ['--max-model-len'],
  tp: ['--tensor-parallel-size', '-tp'],
  pp: ['--pipeline-parallel-size', '-pp'],
  dp: ['--data-parallel-size', '-dp'],
  ep: ['--enable-expert-parallel', '-ep'],
  weights: ['--quantization', '-q'],
  dtype: ['--dtype'],
  kv: ['--kv-cache-dtype'],
};

const kernels: Readonly<Record<string, string>> = { awq_marlin: 'awq', gptq_marlin: 'gptq' };

/** Values of --quantization for checkpoints that state their scheme (vllm/model_executor/layers/quantization). */
const storedFormats: Readonly<Record<string, null>> = {
  ascend: null,
  auto_round: null,
  bitblas: null,
  'compressed-tensors': null,
  deepseek_v4_fp8: null,
  fbgemm_fp8: null,
  gguf: null,
  gptq_bitblas: null,
  gptq_marlin_24: null,
  inc: null,
  modelopt: null,
  modelopt_fp4: null,
  modelopt_mixed: null,
  modelopt_mxfp8: null,
  moe_wna16: null,
  quark: null,
};

export const vllmFace: EngineFace<VllmOptions, 'vllm'> = {
  name: 'vllm',
  title: 'vLLM',
  aliases: [],
  options: vllmOptions,
  spellings,
  formatSpellings: { ...kernels, ...storedFormats },
  release: { form: /^v?0\.\d{1,2}(\.\d{1,2})?$/, limit: 'a release of vLLM, such as 0.19.0' },
  usualFormats: ['fp8', 'awq'],
  madeWhileLoading: ['fp8', 'bitsandbytes'],
  loads: 'checkpoints',
  split: 'tensors',
  takesUnlikeDevices: true,
  usersWait: true,
  openContexts: ['auto', '-1'],
  runsPastTraining: false,
  runsHere: false,
  serving: {
    order: 'decode-first',
    admission: 'first-chunk',
    reserve: 0,
    skipHeadMax: 0,
    tokensOption: 'max-num-batched-tokens',
    source:
      'vllm/v1/core/sched/scheduler.py, schedule, of 0.19: running sequences, then waiting ones until one does not fit',
    earlier: {
      before: '0.8',
      beforeMonth: '2025-03',
      order: 'prefill-first',
      admission: 'whole-prompt',
      reserve: 0.01,
      skipHeadMax: 0,
      source:
        'vllm/core/scheduler.py, _schedule_default, of 0.7: whole prompts if one waits and fits above a watermark of 1 %, else a step of the running ones; V1 became the default in 0.8',
    },
  },
  startLog: vllmStartLog,
};
