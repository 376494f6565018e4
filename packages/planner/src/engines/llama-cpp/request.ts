/** A plan request as llama.cpp is asked it: ggml names, the backend of a device, the file's mixture of types. */
import { PlimsollError } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import type { KvFormat } from '../../bytes/kv-format.ts';
import { deviceCount } from '../../bytes/parallelism.ts';
import { parseFileType } from '../../gguf-recipes/file-type.ts';
import { modelArgument, type PlanRequest } from '../../question/question.ts';
import type { BackendKind } from './backends.ts';
import type { EngineMemory } from './engine-memory.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { newestBuild, rulesOfBuild } from './engine-rules.ts';

/** Flags of llama-server. Absent means: as it would choose. */
export interface LlamaCppOptions {
  /** `-ngl`: `auto` takes as many layers as fit. */
  readonly gpuLayers?: number | 'all' | 'auto' | undefined;
  readonly keyFormat?: KvFormat | undefined;
  readonly valueFormat?: KvFormat | undefined;
  readonly flashAttention?: boolean | undefined;
  readonly batchTokens?: number | undefined;
  readonly physicalBatchTokens?: number | undefined;
  readonly cpuExpertLayers?: number | undefined;
  readonly fullWindowCache?: boolean | undefined;
}

/** The mixture a registry model is planned in when nobody names one: what people download most. */
export const defaultMixture = 'Q4_K_M';

export function memoryQuestion(request: PlanRequest): LlamaCppInput {
  const { spec, llamaCpp = {}, hardware, workload } = request;
  const key = llamaCpp.keyFormat ?? request.kvFormat;
  const value = llamaCpp.valueFormat ?? request.kvFormat;
  const build = request.engineVersion === undefined ? newestBuild : buildNumber(request.engineVersion);
  const flashAttention = llamaCpp.flashAttention ?? rulesOfBuild(build).automaticFlashAttention;
  if (!flashAttention && value !== undefined && /^(i?q|fp8)/.test(value)) {
    throw new PlimsollError({
      code: 'quantised-values',
      message: `llama.cpp keeps values in ${value} only with flash attention`,
      value,
      limit: 'f16, bf16 or f32 with -fa off',
      hint: '-fa on',
    });
  }
  const backend = backendOf(hardware);
  return {
    spec,
    fileType: mixtureOf(request),
    contextTokens: workload.contextTokens * workload.users,
    sequences: workload.users,
    backend,
    devices: backend === 'cpu' ? 0 : deviceCount(request.parallelism),
    ...(typeof llamaCpp.gpuLayers !== 'string' &&
      llamaCpp.gpuLayers !== undefined && { gpuLayers: llamaCpp.gpuLayers }),
    ...(llamaCpp.flashAttention !== undefined && { flashAttention: llamaCpp.flashAttention }),
    ...(llamaCpp.batchTokens !== undefined && { batchTokens: llamaCpp.batchTokens }),
    ...(llamaCpp.physicalBatchTokens !== undefined && { microBatchTokens: llamaCpp.physicalBatchTokens }),
    ...(llamaCpp.cpuExpertLayers !== undefined && { cpuExpertLayers: llamaCpp.cpuExpertLayers }),
    ...(llamaCpp.fullWindowCache !== undefined && { fullWindow: llamaCpp.fullWindowCache }),
    ...(key !== undefined && { keyType: ggmlName(key) }),
    ...(value !== undefined && { valueType: ggmlName(value) }),
    ...(request.engineVersion !== undefined && { build }),
  };
}

/** Null for a file that says itself what its tensors are. */
export function mixtureOf(request: PlanRequest): string | null {
  if (request.spec.source === 'gguf') return null;
  const asked = request.weights ?? usualMixture(request);
  // A map and not an object: names come from addresses, and every object has a `constructor`.
  const plain: ReadonlyMap<string, string> = new Map([
    ['bf16', 'BF16'],
    ['bfloat16', 'BF16'],
    ['fp16', 'F16'],
    ['float16', 'F16'],
    ['fp32', 'F32'],
  ]);
  const mixture = plain.get(asked.toLowerCase()) ?? asked;
  parseFileType(mixture);
  return mixture;
}

function ggmlName(format: KvFormat): string {
  const names: Readonly<Partial<Record<KvFormat, string>>> = { fp32: 'f32', fp16: 'f16', bf16: 'bf16' };
  const name = names[format] ?? format;
  if (/^(f32|f16|bf16|q8_0|q5_1|q5_0|q4_1|q4_0|iq4_nl)$/.test(name)) return name;
  throw new PlimsollError({
    code: 'bad-kv-format',
    message: `llama.cpp has no KV cache type "${format}"`,
    value: format,
    limit: 'f32, f16, bf16, q8_0, q5_1, q5_0, q4_1, q4_0, iq4_nl',
    hint: '-ctk q8_0 -ctv q8_0',
  });
}

function buildNumber(version: string): number {
  const match = /^b?(\d{1,6})$/.exec(version);
  if (match !== null) return Number(match[1]);
  throw new PlimsollError({
    code: 'bad-engine-version',
    message: `"${version}" is not a build of llama.cpp`,
    value: version,
    limit: 'a build number such as b5192',
    hint: '--engine llama.cpp@b5192, or leave the version out for the newest',
  });
}

export function backendOf(hardware: HardwareRecord): BackendKind {
  if (hardware.class === 'apple') return 'metal';
  if (hardware.vendor === 'NVIDIA') return 'cuda';
  if (hardware.vendor === 'AMD' && hardware.gfxTarget !== null) return 'rocm';
  if (hardware.vendor === 'Intel' && hardware.class !== 'cpu') return 'sycl';
  return 'cpu';
}

/** llama.cpp is given the first part of a split file, whichever part was planned. */
function firstPart(path: string): string {
  return path.replace(/-\d{5}-of-(\d{5}\.gguf)/, '-00001-of-$1');
}

/** Models trained in mxfp4 are published in it; the others are downloaded in four bits most. */
function usualMixture(request: PlanRequest): string {
  return request.spec.quantization?.weights === 'mxfp4' ? 'MXFP4_MOE' : defaultMixture;
}

/** The command line that starts llama-server as planned. */
export function llamaCppCommand(
  request: PlanRequest,
  gpuLayers: number | 'all',
  memory: EngineMemory,
): string {
  const { spec, llamaCpp = {}, workload } = request;
  const model =
    spec.source === 'gguf'
      ? `-m ${firstPart(modelArgument(request))}`
      : `-m ${spec.id.split('/').at(-1)}-${mixtureOf(request)}.gguf`;
  const parts = ['llama-server', model, `-c ${workload.contextTokens * workload.users}`];
  const { keyType, valueType, rules } = memory.options;
  // Left alone, newer builds take four slots.
  if (workload.users > 1 || rules.automaticSlots) parts.push(`-np ${workload.users}`);
  if (backendOf(request.hardware) !== 'cpu') parts.push(`-ngl ${gpuLayers === 'all' ? 999 : gpuLayers}`);
  if (keyType !== 'f16') parts.push(`-ctk ${keyType}`);
  if (valueType !== 'f16') parts.push(`-ctv ${valueType}`);
  parts.push(...flashAttentionFlag(llamaCpp.flashAttention, rules.automaticFlashAttention));
  if (llamaCpp.batchTokens !== undefined) parts.push(`-b ${llamaCpp.batchTokens}`);
  if (llamaCpp.physicalBatchTokens !== undefined) parts.push(`-ub ${llamaCpp.physicalBatchTokens}`);
  if (llamaCpp.fullWindowCache === true) parts.push('--swa-full');
  if (llamaCpp.cpuExpertLayers !== undefined) parts.push(`--n-cpu-moe ${llamaCpp.cpuExpertLayers}`);
  return parts.join(' ');
}

/** A switch until builds chose by themselves, a choice since. */
function flashAttentionFlag(asked: boolean | undefined, isChoice: boolean): readonly string[] {
  if (asked === undefined) return [];
  if (isChoice) return [`-fa ${asked ? 'on' : 'off'}`];
  return asked ? ['-fa'] : [];
}
