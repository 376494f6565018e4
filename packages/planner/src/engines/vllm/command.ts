/** Writes the command line that starts vLLM as planned, with every choice that differs from vLLM's own default. */
import type { ElementType } from '@plimsoll/model-files/spec';
import type { KvFormat } from '../../bytes/kv-format.ts';
import { parseElementType } from '../../bytes/weight-format.ts';
import { defaultKvFormat } from '../../question/plan-input.ts';
import { modelArgument, type Question, shellArgument } from '../../question/question.ts';
import { checkpointName } from '../contract/checkpoint-changes.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import { optionWords } from '../contract/option-spec.ts';
import { cachesPrefixes, type VllmSettings } from './defaults.ts';
import { vllmFace } from './face.ts';
import { type VllmOptions, vllmOptions } from './options.ts';
import type { VllmRelease } from './release.ts';

/** The plan behind a command: what was asked, and what it came to. */
export interface PlannedStart {
  readonly request: Question<VllmOptions>;
  readonly settings: VllmSettings;
  readonly release: VllmRelease;
  /** Type of what stays unquantised. */
  readonly base: ElementType;
  readonly kvFormat: KvFormat;
  /** Whether the number of sequences is another than the release's own. */
  readonly setsSequences: boolean;
}

/** Null where no flags start what was planned. */
export function vllmCommand(start: PlannedStart): string | null {
  const { request, settings, release } = start;
  if (!hasCacheFlag(start.kvFormat, start.base)) return null;
  const { parallelism, options = {} } = request;
  const parts = ['vllm serve', checkpointArgument(request)];
  const add = (flag: string, value: string | number | undefined): void => {
    if (value !== undefined) parts.push(`${flag} ${value}`);
  };
  const split = (name: 'tp' | 'pp' | 'dp', ways: number): void => {
    if (ways > 1) add(sharedFlag(vllmFace, name), ways);
  };
  add(sharedFlag(vllmFace, 'context'), settings.maxModelLen);
  parts.push(...optionWords(vllmOptions, { gpuMemoryUtilization: settings.utilization }));
  split('tp', parallelism.tensor);
  split('pp', parallelism.pipeline);
  split('dp', parallelism.data);
  if (parallelism.expertParallel) parts.push(sharedFlag(vllmFace, 'ep'));
  const made = madeWhileLoading(request);
  add(sharedFlag(vllmFace, 'weights'), made);
  // Until 0.9 the loader had to be named too (vllm/engine/arg_utils.py).
  if (made === 'bitsandbytes' && release.number < 9) add('--load-format', made);
  add(sharedFlag(vllmFace, 'dtype'), dtype(start));
  add(sharedFlag(vllmFace, 'kv'), cacheType(start));
  const chosen: VllmOptions = {
    ...options,
    gpuMemoryUtilization: undefined,
    maxNumSeqs: start.setsSequences ? settings.sequences : undefined,
    enforceEager: settings.eager,
    prefixCaching:
      settings.prefixCaching === cachesPrefixes(release, request.spec) ? undefined : settings.prefixCaching,
  };
  parts.push(...optionWords(vllmOptions, chosen).map(shellArgument));
  return parts.join(' ');
}

/** Types by vLLM's names. */
const typeNames: Readonly<Partial<Record<ElementType | KvFormat, string>>> = {
  bf16: 'bfloat16',
  fp16: 'float16',
  fp32: 'float32',
};

/** vLLM defaults to the checkpoint's type, and to half precision for a checkpoint of 32 bits. */
function dtype({ request, base }: PlannedStart): string | undefined {
  const { elementType } = request.spec;
  const isAutomatic = request.elementType === undefined && base === elementType && base !== 'fp32';
  return isAutomatic ? undefined : typeNames[base];
}

/** --kv-cache-dtype has no name for 32 bits (vllm/config/cache.py): such a cache follows from a model of 32 bits. */
export function hasCacheFlag(kvFormat: KvFormat, base: ElementType): boolean {
  return kvFormat !== 'fp32' || base === 'fp32';
}

/** Unless told otherwise the cache has the type that the checkpoint asks for, else the model's. */
function cacheType({ request, base, kvFormat }: PlannedStart): string | undefined {
  const hasOwnCheckpoint = checkpointNeeded(request) === null;
  const automatic = hasOwnCheckpoint ? defaultKvFormat(request.spec, base) : base;
  return kvFormat === automatic ? undefined : (typeNames[kvFormat] ?? kvFormat);
}

function madeWhileLoading({ spec, weights }: Question): string | undefined {
  const name = weights?.trim().toLowerCase();
  return spec.quantization === null &&
    name !== undefined &&
    vllmFace.madeWhileLoading?.includes(name) === true
    ? name
    : undefined;
}

/** Returns the format that the checkpoint must already have because vLLM does not convert to it while loading; null if the checkpoint suffices. */
export function checkpointNeeded(request: Question): string | null {
  const { spec, weights } = request;
  if (weights === undefined || madeWhileLoading(request) !== undefined) return null;
  const name = parseElementType(weights) ?? weights.trim().toLowerCase();
  const own = spec.quantization;
  if (own === null) return parseElementType(weights) === null ? name : null;
  return name === own.method || name === own.weights ? null : name;
}

/** The model as typed, or a description of the checkpoint that has to be found first. */
function checkpointArgument(request: Question): string {
  const needed = checkpointNeeded(request);
  if (needed === null) return modelArgument(request);
  const { convertedReference, spec } = request;
  return convertedReference === undefined
    ? `<${checkpointName(needed)} of ${spec.id}>`
    : shellArgument(convertedReference);
}
