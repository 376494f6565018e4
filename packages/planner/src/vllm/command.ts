/** The command line that starts vLLM as planned: every choice of the plan that is not vLLM's own default. */
import { defaultKvFormat } from '../plan-input.ts';
import { modelArgument, type PlanRequest } from '../plan-request.ts';
import type { VllmSettings } from './defaults.ts';
import type { VllmRelease } from './release.ts';

/** Formats vLLM makes itself while it loads a plain checkpoint; all others need a checkpoint that has them. */
const onlineFormats: readonly string[] = ['fp8', 'bitsandbytes'];

export function vllmCommand(request: PlanRequest, settings: VllmSettings, release: VllmRelease): string {
  const { spec, parallelism, vllm = {}, weights } = request;
  const parts = ['vllm serve', checkpointArgument(request), `--max-model-len ${settings.maxModelLen}`];
  const option = (flag: string, value: string | number | undefined): void => {
    if (value !== undefined) parts.push(`${flag} ${value}`);
  };
  option('--gpu-memory-utilization', settings.utilization);
  if (parallelism.tensor > 1) option('--tensor-parallel-size', parallelism.tensor);
  if (parallelism.pipeline > 1) option('--pipeline-parallel-size', parallelism.pipeline);
  if (parallelism.data > 1) option('--data-parallel-size', parallelism.data);
  if (parallelism.expertParallel) parts.push('--enable-expert-parallel');
  if (weights !== undefined && onlineFormats.includes(weights)) option('--quantization', weights);
  option('--dtype', request.elementType === undefined ? undefined : dtypeNames[request.elementType]);
  if (request.kvFormat !== undefined && request.kvFormat !== defaultKvFormat(spec, spec.elementType)) {
    option('--kv-cache-dtype', request.kvFormat);
  }
  option('--block-size', vllm.blockSize);
  option('--max-num-batched-tokens', vllm.maxNumBatchedTokens);
  option('--max-num-seqs', vllm.maxNumSeqs);
  if (settings.eager) parts.push('--enforce-eager');
  if (vllm.prefixCaching === false && release.engine === 'V1') parts.push('--no-enable-prefix-caching');
  return parts.join(' ');
}

const dtypeNames = { bf16: 'bfloat16', fp16: 'float16', fp32: 'float32', fp8: 'auto', int8: 'auto' } as const;

/** The model as typed, or a description of the checkpoint that has to be found first. */
function checkpointArgument(request: PlanRequest): string {
  const { weights } = request;
  if (weights === undefined || onlineFormats.includes(weights)) return modelArgument(request);
  if (['bf16', 'fp16', 'fp32'].includes(weights)) return modelArgument(request);
  return `<${checkpointName(weights)} of ${request.spec.id}>`;
}

/** "an AWQ checkpoint", "an int8 checkpoint". */
export function checkpointName(weights: string): string {
  const name = /^(awq|gptq|nvfp4|mxfp4|fp8)$/.test(weights) ? weights.toUpperCase() : weights;
  return `${/^[aeio]|^[AFMNX][A-Z]/.test(name) ? 'an' : 'a'} ${name} checkpoint`;
}
