/**
 * Writes the command line that starts SGLang as planned: every choice of the plan that differs from SGLang's own
 * choice.
 */
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
import { sglangFace } from './face.ts';
import { fourBitName } from './four-bit-cache.ts';
import { type SglangOptions, sglangOptions } from './options.ts';
import type { SglangRelease } from './release.ts';

/** Formats that SGLang makes itself while it loads a plain checkpoint. */
export const onlineFormats: readonly string[] = sglangFace.madeWhileLoading ?? [];

export interface PlannedStart {
  readonly request: Question<SglangOptions>;
  readonly contextLength: number;
  /** Type of the tensors that stay unquantised. */
  readonly base: ElementType;
  readonly kvFormat: KvFormat;
  readonly release: SglangRelease;
  /** Flags that the plan adds, such as more sequences for more users. */
  readonly added: SglangOptions;
}

export function sglangCommand(start: PlannedStart): string {
  const { request, contextLength, base, added } = start;
  const { parallelism, options = {} } = request;
  const parts = ['python -m sglang.launch_server --model-path', checkpointArgument(request, onlineFormats)];
  const add = (flag: string, value: string | number | undefined): void => {
    if (value !== undefined) parts.push(`${flag} ${value}`);
  };
  const split = (name: 'tp' | 'pp' | 'dp', ways: number): void => {
    if (ways > 1) add(sharedFlag(sglangFace, name), ways);
  };
  add(sharedFlag(sglangFace, 'context'), contextLength);
  split('tp', parallelism.tensor);
  split('pp', parallelism.pipeline);
  split('dp', parallelism.data);
  if (parallelism.expertParallel && options.expertParallelSize === undefined)
    add('--ep-size', parallelism.tensor);
  const made = madeWhileLoading(request, onlineFormats);
  add(sharedFlag(sglangFace, 'weights'), made);
  if (made === 'bitsandbytes') add('--load-format', made);
  add(sharedFlag(sglangFace, 'dtype'), dtype(request, base));
  add(sharedFlag(sglangFace, 'kv'), cacheType(start));
  const { draft, ...chosen } = { ...options, ...added };
  parts.push(...optionWords(sglangOptions, chosen));
  if (draft !== undefined)
    add('--speculative-draft-model-path', shellArgument(draft.reference ?? draft.spec.id));
  return parts.join(' ');
}

/** SGLang takes the checkpoint's type, and half precision for a checkpoint of 32 bits. */
function dtype({ spec, elementType }: Question, base: ElementType): string | undefined {
  const isAutomatic = elementType === undefined && base === spec.elementType && base !== 'fp32';
  return isAutomatic ? undefined : torchTypeNames[base];
}

/** The names of --kv-cache-dtype (server_args.py); 16-bit types other than the model's came with 0.5.3. */
const cacheNames: Readonly<Partial<Record<KvFormat, string>>> = {
  fp8: 'fp8_e4m3',
  bf16: 'bfloat16',
  fp16: 'auto',
};

function cacheType({ request, base, kvFormat, release }: PlannedStart): string | undefined {
  const hasOwnCheckpoint = checkpointNeeded(request, onlineFormats) === null;
  const automatic = hasOwnCheckpoint ? defaultKvFormat(request.spec, base) : base;
  if (kvFormat === automatic) return undefined;
  return kvFormat === 'nvfp4' ? fourBitName(request.hardware, release) : (cacheNames[kvFormat] ?? kvFormat);
}
