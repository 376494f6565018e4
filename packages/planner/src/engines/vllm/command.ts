/** Writes the command line that starts vLLM as planned, with every choice that differs from vLLM's own default. */
import type { ElementType } from '@plimsoll/model-files/spec';
import type { KvFormat } from '../../bytes/kv-format.ts';
import { defaultKvFormat } from '../../question/plan-input.ts';
import { type Question, shellArgument } from '../../question/question.ts';
import {
  checkpointArgument,
  checkpointNeeded,
  madeWhileLoading,
  torchTypeNames,
} from '../contract/checkpoint-choice.ts';
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
  /** Type of the tensors that stay unquantised. */
  readonly base: ElementType;
  readonly kvFormat: KvFormat;
  /** Whether the number of sequences is another than the release's own. */
  readonly setsSequences: boolean;
}

/** Formats that vLLM makes from a plain checkpoint while it loads. */
export const onlineFormats: readonly string[] = vllmFace.madeWhileLoading ?? [];

/** Null where no flags start what was planned. */
export function vllmCommand(start: PlannedStart): string | null {
  const { request, settings, release } = start;
  if (!hasCacheFlag(start.kvFormat, start.base)) return null;
  const { parallelism, options = {} } = request;
  const parts = ['vllm serve', checkpointArgument(request, onlineFormats)];
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
  const made = madeWhileLoading(request, onlineFormats);
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

/** vLLM defaults to the checkpoint's type, and to half precision for a checkpoint of 32 bits. */
function dtype({ request, base }: PlannedStart): string | undefined {
  const { elementType } = request.spec;
  const isAutomatic = request.elementType === undefined && base === elementType && base !== 'fp32';
  return isAutomatic ? undefined : torchTypeNames[base];
}

/** --kv-cache-dtype has no name for 32 bits (vllm/config/cache.py): such a cache follows from a model of 32 bits. */
export function hasCacheFlag(kvFormat: KvFormat, base: ElementType): boolean {
  return kvFormat !== 'fp32' || base === 'fp32';
}

/** Unless told otherwise the cache has the type that the checkpoint asks for, else the model's. */
function cacheType({ request, base, kvFormat }: PlannedStart): string | undefined {
  const hasOwnCheckpoint = checkpointNeeded(request, onlineFormats) === null;
  const automatic = hasOwnCheckpoint ? defaultKvFormat(request.spec, base) : base;
  return kvFormat === automatic ? undefined : (torchTypeNames[kvFormat] ?? kvFormat);
}
