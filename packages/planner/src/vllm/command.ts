/** The command line that starts vLLM as planned: only flags that differ from its own defaults. */
import { defaultKvFormat } from '../plan-input.ts';
import type { PlanRequest } from '../plan-request.ts';
import type { VllmSettings } from './defaults.ts';
import type { VllmRelease } from './release.ts';

export function vllmCommand(request: PlanRequest, settings: VllmSettings, release: VllmRelease): string {
  const { spec, parallelism, vllm } = request;
  const parts = ['vllm serve', spec.id, `--max-model-len ${settings.maxModelLen}`];
  parts.push(`--gpu-memory-utilization ${settings.utilization}`);
  if (parallelism.tensor > 1) parts.push(`--tensor-parallel-size ${parallelism.tensor}`);
  if (parallelism.pipeline > 1) parts.push(`--pipeline-parallel-size ${parallelism.pipeline}`);
  if (parallelism.data > 1) parts.push(`--data-parallel-size ${parallelism.data}`);
  if (parallelism.expertParallel) parts.push('--enable-expert-parallel');
  if (request.weights === 'fp8') parts.push('--quantization fp8');
  if (request.kvFormat !== undefined && request.kvFormat !== defaultKvFormat(spec, spec.elementType)) {
    parts.push(`--kv-cache-dtype ${request.kvFormat}`);
  }
  if (vllm?.maxNumBatchedTokens !== undefined)
    parts.push(`--max-num-batched-tokens ${vllm.maxNumBatchedTokens}`);
  if (vllm?.maxNumSeqs !== undefined) parts.push(`--max-num-seqs ${vllm.maxNumSeqs}`);
  if (settings.eager) parts.push('--enforce-eager');
  if (vllm?.prefixCaching === false && release.engine === 'V1') parts.push('--no-enable-prefix-caching');
  return parts.join(' ');
}
