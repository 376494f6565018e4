/** Models and requests for tests: real records of the registry, each resolved once. */
import { modelSpecFromConfig } from '@plimsoll/model-files/config';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { resolveDrafter, resolveHardware, resolveModel } from '@plimsoll/registry';
import { singleDevice } from './bytes/parallelism.ts';
import type { PlanRequest } from './engines/engine-list.ts';

const specs = new Map<string, ModelSpec>();

export function model(name: string): ModelSpec {
  const known = specs.get(name);
  if (known !== undefined) return known;
  const record = resolveModel(name);
  const spec = modelSpecFromConfig(record.config, {
    id: record.id,
    ...(record.quantizationInferred !== null && { quantizationFromName: record.quantizationInferred }),
  });
  specs.set(name, spec);
  return spec;
}

export function drafter(name: string): ModelSpec {
  const record = resolveDrafter(name);
  return modelSpecFromConfig(record.config, { id: record.id });
}

/** One model for each kind of memory use: plain, windowed, latent, mixture, hybrid, tied, shared caches. */
export const variedModels = [
  'meta-llama/Llama-3.1-8B-Instruct',
  'google/gemma-3-12b-it',
  'openai/gpt-oss-20b',
  'deepseek-ai/DeepSeek-V2-Lite-Chat',
  'deepseek-ai/DeepSeek-V3',
  'Qwen/Qwen3-30B-A3B',
  'Qwen/Qwen3.5-4B',
  'Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4',
  'google/gemma-4-26B-A4B',
  'meta-llama/Llama-4-Scout-17B-16E-Instruct',
  'microsoft/phi-2',
  'deepseek-ai/DeepSeek-V4-Flash',
] as const;

export function request(
  options: Partial<PlanRequest> & { readonly model?: string; readonly gpu?: string },
): PlanRequest {
  const { model: name = 'meta-llama/Llama-3.1-8B-Instruct', gpu = 'h100', ...rest } = options;
  return {
    spec: model(name),
    hardware: resolveHardware(gpu),
    parallelism: singleDevice,
    engine: 'none',
    workload: { contextTokens: 8192, users: 1 },
    ...rest,
  };
}
