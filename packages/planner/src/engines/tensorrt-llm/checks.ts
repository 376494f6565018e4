/** Refuses the questions that a plan for TensorRT-LLM does not answer: other devices, cache types, recurrent state. */
import { PlimsollError } from '@plimsoll/foundation';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { Question } from '../../question/question.ts';
import type { TensorrtLlmOptions } from './options.ts';

const cacheTypes: readonly KvFormat[] = ['bf16', 'fp16', 'fp32', 'fp8'];

export function checkTensorrtLlm(
  { hardware, spec, parallelism }: Question<TensorrtLlmOptions>,
  kvFormat: KvFormat,
): void {
  if (parallelism.data > 1) {
    throw new PlimsollError({
      code: 'no-data-parallel',
      message: `trtllm-serve starts one replica, not ${parallelism.data}`,
      value: parallelism.data,
      limit: '--dp 1',
      hint: '--enable-attention-dp copies the attention layers over the devices of --tp',
    });
  }
  const { computeCapability } = hardware;
  if (computeCapability === null || Number(computeCapability) < 8) {
    throw new PlimsollError({
      code: 'engine-device',
      message: `TensorRT-LLM does not run on ${hardware.name}`,
      value: hardware.id,
      limit: 'CUDA compute capability 8.0 or later',
      hint: '--engine llama.cpp',
    });
  }
  if (!cacheTypes.includes(kvFormat)) {
    throw new PlimsollError({
      code: 'bad-kv-format',
      message: `plans for TensorRT-LLM have no KV cache type "${kvFormat}"`,
      value: kvFormat,
      limit: cacheTypes.join(', '),
      hint: '--kv fp8',
    });
  }
  const foreign = spec.layers.find(({ attention }) =>
    ['linear', 'ssm', 'compressed'].includes(attention.kind),
  );
  if (foreign === undefined) return;
  throw new PlimsollError({
    code: 'attention-not-modelled',
    message: `plans for TensorRT-LLM do not model the ${foreign.attention.kind} layers of ${spec.id}`,
    value: foreign.attention.kind,
    limit: 'full, sliding, chunked and latent attention',
    hint: '--engine vllm',
  });
}
