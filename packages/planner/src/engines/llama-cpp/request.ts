/** Translates a plan request into options of llama.cpp: ggml names, the backend of a device, the mixture of the file. */
import { PlimsollError } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import { defaultMixture, parseFileType } from '../../gguf-recipes/file-type.ts';
import type { Question } from '../../question/question.ts';
import { backendTraits } from './backends.ts';
import { ggmlName } from './cache-types.ts';
import { speculationState } from './companions.ts';
import type { LlamaCppInput } from './engine-options.ts';
import { buildOfVersion, newestBuild, rulesOfBuild } from './engine-rules.ts';
import { backendOf, type Machine, machineOf } from './machine.ts';
import type { RepackForm } from './model-buffers.ts';
import type { LlamaCppOptions } from './options.ts';
import { divisionOf } from './split-mode.ts';

/** llama_max_devices(), and GGML_CUDA_MAX_DEVICES: llama.cpp lists no more devices. */
const devicesMax = 16;

export function memoryQuestion(request: Question<LlamaCppOptions>): LlamaCppInput {
  const { spec, options: llamaCpp = {}, workload } = request;
  const key = llamaCpp.keyFormat ?? request.kvFormat;
  const value = llamaCpp.valueFormat ?? request.kvFormat;
  const cpuExpertLayers = hostExpertLayers(request);
  const build = buildOf(request);
  const rules = rulesOfBuild(build);
  const flashAttention = llamaCpp.flashAttention ?? rules.automaticFlashAttention;
  if (!flashAttention && value !== undefined && /^(i?q|fp8)/.test(value)) {
    throw new PlimsollError({
      code: 'quantised-values',
      message: `llama.cpp keeps values in ${value} only with flash attention`,
      value,
      limit: 'f16, bf16 or f32 with -fa off',
      hint: '-fa on',
    });
  }
  const machine = machineOf(request);
  const { backend, devices, shares, overrides } = machine;
  if (devices.length > devicesMax) throw tooManyDevices(devices.length);
  const division = divisionOf(request, machine, rules);
  const layerShares = division?.kind === 'rows' && !rules.rowsByLayer ? onlyMain(machine, llamaCpp) : shares;
  return {
    spec,
    fileType: mixtureOf(request),
    contextTokens: workload.contextTokens * workload.users,
    ...slotsOf(request, build),
    backend,
    devices: backend === 'cpu' ? 0 : devices.length,
    ...(layerShares !== undefined && { deviceShares: layerShares }),
    ...(division !== undefined && { division }),
    ...(overrides.length > 0 && { overrides }),
    ...(typeof llamaCpp.gpuLayers !== 'string' &&
      llamaCpp.gpuLayers !== undefined && { gpuLayers: llamaCpp.gpuLayers }),
    ...(llamaCpp.flashAttention !== undefined && { flashAttention: llamaCpp.flashAttention }),
    ...(llamaCpp.batchTokens !== undefined && { batchTokens: llamaCpp.batchTokens }),
    ...(llamaCpp.physicalBatchTokens !== undefined && { microBatchTokens: llamaCpp.physicalBatchTokens }),
    ...(llamaCpp.outputs === 'tokens' && { outputs: 'tokens' as const }),
    ...(cpuExpertLayers !== undefined && { cpuExpertLayers }),
    ...(llamaCpp.fullWindowCache !== undefined && { fullWindow: llamaCpp.fullWindowCache }),
    ...(llamaCpp.offloadsCache === false && { offloadCache: false }),
    ...(llamaCpp.offloadsOperations === false && { offloadOperations: false }),
    ...(key !== undefined && { keyType: ggmlName(key) }),
    ...(value !== undefined && { valueType: ggmlName(value) }),
    ...speculationState(request),
    host: hostWeights(request, build),
    ...(request.engineVersion !== undefined && { build }),
  };
}

/** Shares of layers when the main device has all of them. */
function onlyMain({ devices }: Machine, { mainDevice = 0 }: LlamaCppOptions): readonly number[] {
  return devices.map((_, device) => (device === mainDevice ? 1 : 0));
}

/** Slots that llama-server takes without `-np`, all in one cache. */
export const automaticSlots = 4;

/** Without a number of users the server takes its own number of slots; more users make it take as many. */
function slotsOf(
  { workload, options, usersAreDefault }: Question<LlamaCppOptions>,
  build: number,
): Pick<LlamaCppInput, 'sequences' | 'unifiedCache'> {
  const isAutomatic = usersAreDefault === true && rulesOfBuild(build).automaticSlots;
  const unified = options?.unifiedCache ?? (isAutomatic ? true : undefined);
  return {
    sequences: isAutomatic ? Math.max(automaticSlots, workload.users) : workload.users,
    ...(unified !== undefined && { unifiedCache: unified }),
  };
}

function hostWeights(request: Question<LlamaCppOptions>, build: number): NonNullable<LlamaCppInput['host']> {
  const { hardware, options } = request;
  return {
    mapped: options?.mapsFile ?? true,
    repack:
      options?.repacksWeights === false || !rulesOfBuild(build).repacksWeights
        ? 'none'
        : repackForm(hardware),
    sharesPages: machineOf(request).isUnified,
  };
}

/**
 * A host buffer of a graphics card comes before the interleaved form in the loader's list of buffers, so that only machines
 * without one have a repacked copy (llama-model.cpp, make_cpu_buft_list).
 */
function repackForm(hardware: HardwareRecord): RepackForm {
  if (backendTraits[backendOf(hardware)].hostBuffer) return 'none';
  const { vendor, name, architecture } = hardware;
  const text = `${vendor} ${name} ${architecture}`;
  if (/\bAMX\b/.test(text)) return 'amx';
  const isArm = hardware.class === 'apple' || hardware.class === 'mobile';
  return isArm || /\b(arm|neoverse|cortex|graviton|grace|snapdragon)/i.test(text)
    ? 'repack-arm'
    : 'repack-x86';
}

/** The mixture of the planned file. Null for a GGUF file, which states the type of each tensor. */
export function mixtureOf(request: Question): string | null {
  if (request.spec.source === 'gguf') return null;
  const asked = request.weights ?? usualMixture(request);
  // A map, because names come from addresses and every object has a `constructor`.
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

export function buildOf({ engineVersion }: Question): number {
  return engineVersion === undefined ? newestBuild : buildNumber(engineVersion);
}

function buildNumber(version: string): number {
  const build = buildOfVersion(version);
  if (build !== null) return build;
  throw new PlimsollError({
    code: 'bad-engine-version',
    message: `"${version}" is not a version of llama.cpp`,
    value: version,
    limit: 'a build number such as b5192, or a release such as v0.5.0',
    hint: '--engine llama.cpp@b5192, or leave the version out for the newest',
  });
}

/** llama.cpp opens a split file by its first part, whichever part was planned. */
export function firstPart(path: string): string {
  return path.replace(/-\d{5}-of-(\d{5}\.gguf)/, '-00001-of-$1');
}

/** The mixture of most downloads: MXFP4 for models that were trained in it, Q4_K_M for the others. */
function usualMixture(request: Question): string {
  return request.spec.quantization?.weights === 'mxfp4' ? 'MXFP4_MOE' : defaultMixture;
}

export function hostExpertLayers({ spec, options }: Question<LlamaCppOptions>): number | undefined {
  const layers = options?.cpuExpertLayers;
  return layers === 'all' ? spec.layers.length : layers;
}

function tooManyDevices(count: number): PlimsollError {
  return new PlimsollError({
    code: 'too-many-devices',
    message: `llama.cpp divides a model over at most ${devicesMax} devices; this start names ${count}`,
    value: count,
    limit: devicesMax,
    hint: 'name fewer devices, or an engine that divides each layer: --engine vllm',
  });
}
