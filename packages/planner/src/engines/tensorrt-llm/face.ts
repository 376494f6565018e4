/** The face of TensorRT-LLM's PyTorch backend, which is the default from 1.0: names, flags, scheduler, log. */
import type { EngineFace, Spellings } from '../contract/engine-face.ts';
import { flagsOf, type TensorrtLlmOptions, tensorrtLlmOptions } from './options.ts';
import { tensorrtLlmStartLog } from './start-log.ts';

const spellings: Spellings = {
  context: flagsOf('max_seq_len'),
  tp: flagsOf('tp_size', 'tensor_parallel_size'),
  pp: flagsOf('pp_size', 'pipeline_parallel_size'),
};

export const tensorrtLlmFace: EngineFace<TensorrtLlmOptions, 'tensorrt-llm'> = {
  name: 'tensorrt-llm',
  title: 'TensorRT-LLM',
  aliases: ['trtllm', 'trt-llm', 'tensorrt_llm'],
  options: tensorrtLlmOptions,
  spellings,
  formatSpellings: {},
  release: {
    form: /^v?\d{1,2}\.\d{1,2}(?:\.\d{1,2})?(?:rc\d{1,2})?$/,
    limit: 'a release of TensorRT-LLM, such as 1.2.0',
  },
  usualFormats: ['fp8', 'awq'],
  loads: 'checkpoints',
  split: 'tensors',
  usersWait: true,
  runsPastTraining: false,
  runsHere: false,
  serving: {
    order: 'arrival',
    // GUARANTEED_NO_EVICT: a sequence starts if the cache has blocks for all of its tokens.
    admission: 'whole-sequence',
    reserve: 0,
    skipHeadMax: 0,
    tokensOption: 'max-num-tokens',
    source:
      'tensorrt_llm/_torch/pyexecutor/scheduler.py of 1.2, capacity_scheduler_policy GUARANTEED_NO_EVICT: requests in the order in which they came',
  },
  startLog: tensorrtLlmStartLog,
};
