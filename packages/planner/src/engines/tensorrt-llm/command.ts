/** Writes the command that starts TensorRT-LLM as planned, and the options that only a file can set. */
import type { ElementType } from '@plimsoll/model-files/spec';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { Deployment } from '../../deployment/deployment.ts';
import { defaultKvFormat } from '../../question/plan-input.ts';
import type { Question } from '../../question/question.ts';
import { checkpointName } from '../contract/checkpoint-changes.ts';
import { checkpointArgument, checkpointNeeded } from '../contract/checkpoint-choice.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import { optionWords } from '../contract/option-spec.ts';
import { tensorrtLlmFace } from './face.ts';
import { type TensorrtLlmOptions, tensorrtLlmOptions } from './options.ts';

/** The engine quantises no weights while it loads a checkpoint. */
const onlineFormats: readonly string[] = [];

/** The file of options that the notes describe. */
const optionsFile = 'options.yaml';

export function tensorrtLlmCommand(
  request: Question<TensorrtLlmOptions>,
  kvFormat: KvFormat,
  base: ElementType,
): string {
  const { parallelism, options = {}, workload } = request;
  const parts = ['trtllm-serve serve', checkpointArgument(request, onlineFormats)];
  parts.push(`${sharedFlag(tensorrtLlmFace, 'context')} ${workload.contextTokens}`);
  if (parallelism.tensor > 1) parts.push(`${sharedFlag(tensorrtLlmFace, 'tp')} ${parallelism.tensor}`);
  if (parallelism.pipeline > 1) parts.push(`${sharedFlag(tensorrtLlmFace, 'pp')} ${parallelism.pipeline}`);
  if (parallelism.expertParallel) parts.push(`--ep_size ${parallelism.tensor}`);
  parts.push(...optionWords(tensorrtLlmOptions, options));
  if (fileLines(request, kvFormat, base).length > 0) parts.push(`--extra_llm_api_options ${optionsFile}`);
  return parts.join(' ');
}

export function startNotes(
  request: Question<TensorrtLlmOptions>,
  kvFormat: KvFormat,
  base: ElementType,
): readonly string[] {
  const notes: string[] = [];
  const needed = checkpointNeeded(request, onlineFormats);
  if (needed !== null && request.convertedReference === undefined)
    notes.push(
      `TensorRT-LLM does not make ${needed} weights while it loads: the command needs ${checkpointName(needed)} in place of ${request.spec.id}`,
    );
  const lines = fileLines(request, kvFormat, base);
  if (lines.length > 0)
    notes.push(
      `trtllm-serve has no flags for some options: write them into ${optionsFile}, on a line each: ${lines.join(', ')}`,
    );
  return notes;
}

/** The options that trtllm-serve reads only from a file; undefined if it needs no file. */
export function startFile(
  request: Question<TensorrtLlmOptions>,
  kvFormat: KvFormat,
  base: ElementType,
): Deployment['startFile'] {
  const options = fileOptions(request, kvFormat, base);
  return Object.keys(options).length === 0 ? undefined : { name: optionsFile, options };
}

function fileOptions(
  { options = {}, spec, elementType }: Question<TensorrtLlmOptions>,
  kvFormat: KvFormat,
  base: ElementType,
): FileOptions {
  const cache = {
    ...(kvFormat !== defaultKvFormat(spec, base) && { dtype: torchName(kvFormat) }),
    ...(options.cacheTokensMax !== undefined && { max_tokens: options.cacheTokensMax }),
  };
  return {
    ...(options.attentionDp === true && { enable_attention_dp: true }),
    ...(Object.keys(cache).length > 0 && { kv_cache_config: cache }),
    ...(elementType !== undefined && elementType !== spec.elementType && { dtype: torchName(elementType) }),
  };
}

type FileOptions = NonNullable<Deployment['startFile']>['options'];

/** The options as lines of YAML, for a note. */
function fileLines(
  request: Question<TensorrtLlmOptions>,
  kvFormat: KvFormat,
  base: ElementType,
): readonly string[] {
  return Object.entries(fileOptions(request, kvFormat, base)).map(([name, value]) => {
    if (typeof value !== 'object') return `${name}: ${value}`;
    const inner = Object.entries(value).map(([key, text]) => `${key}: ${text}`);
    return `${name}: {${inner.join(', ')}}`;
  });
}

function torchName(format: string): string {
  const names: Readonly<Record<string, string>> = { bf16: 'bfloat16', fp16: 'float16', fp32: 'float32' };
  return names[format] ?? format;
}
