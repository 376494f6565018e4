/** vLLM without its memory: names, flags, scheduler, log. */
import type { EngineFace, Spellings } from '../contract/engine-face.ts';
import { type VllmOptions, vllmOptions } from './options.ts';
import { vllmStartLog } from './start-log.ts';

const spellings: Spellings = {
  context: ['--max-model-len'],
  tp: ['--tensor-parallel-size', '-tp'],
  pp: ['--pipeline-parallel-size', '-pp'],
  dp: ['--data-parallel-size', '-dp'],
  ep: ['--enable-expert-parallel'],
  weights: ['--quantization', '-q'],
  dtype: ['--dtype'],
  kv: ['--kv-cache-dtype'],
};

export const vllmFace: EngineFace<VllmOptions, 'vllm'> = {
  name: 'vllm',
  title: 'vLLM',
  aliases: [],
  options: vllmOptions,
  spellings,
  formatSpellings: { awq_marlin: 'awq', gptq_marlin: 'gptq' },
  release: { form: /^v?0\.\d{1,2}(\.\d{1,2})?$/, limit: 'a release of vLLM, such as 0.19.0' },
  usualFormats: ['fp8', 'awq'],
  loads: 'checkpoints',
  split: 'tensors',
  usersWait: true,
  runsHere: false,
  serving: {
    order: 'decode-first',
    admission: 'first-chunk',
    reserve: 0,
    skipHeadMax: 0,
    source:
      'vllm/v1/core/sched/scheduler.py, schedule, of 0.19: running sequences, then waiting ones until one does not fit',
  },
  startLog: vllmStartLog,
};
