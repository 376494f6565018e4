/** Writes the command that starts TensorRT-LLM as planned, and the options that only a file can set. */
import type { ElementType } from '@plimsoll/model-files/spec';
import type { KvFormat } from '../../bytes/kv-format.ts';
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

/** Returns the options that trtllm-serve reads only from a file. */
function fileLines(
  { options = {}, spec, elementType }: Question<TensorrtLlmOptions>,
  kvFormat: KvFormat,
  base: ElementType,
): readonly string[] {
  const lines: string[] = [];
  const cache: string[] = [];
  if (kvFormat !== defaultKvFormat(spec, base)) cache.push(`dtype: ${torchName(kvFormat)}`);
  if (options.cacheTokensMax !== undefined) cache.push(`max_tokens: ${options.cacheTokensMax}`);
  if (options.attentionDp === true) lines.push('enable_attention_dp: true');
  if (cache.length > 0) lines.push(`kv_cache_config: {${cache.join(', ')}}`);
  if (elementType !== undefined && elementType !== spec.elementType)
    lines.push(`dtype: ${torchName(elementType)}`);
  return lines;
}

function torchName(format: string): string {
  const names: Readonly<Record<string, string>> = { bf16: 'bfloat16', fp16: 'float16', fp32: 'float32' };
  return names[format] ?? format;
}
