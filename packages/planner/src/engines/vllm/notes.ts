/** Sentences for the user about a plan of vLLM. */
import { formatCount } from '@plimsoll/foundation';
import type { ElementType } from '@plimsoll/model-files/spec';
import type { KvFormat } from '../../bytes/kv-format.ts';
import type { WeightFormat } from '../../bytes/weight-format.ts';
import type { Question } from '../../question/question.ts';
import { checkpointName } from '../contract/checkpoint-changes.ts';
import { checkpointNeeded } from '../contract/checkpoint-choice.ts';
import { hasCacheFlag, onlineFormats } from './command.ts';
import type { VllmSettings } from './defaults.ts';
import type { VllmOptions } from './options.ts';
import type { VllmRelease } from './release.ts';

/** Says what the command alone cannot do. */
export function startNotes(
  request: Question<VllmOptions>,
  kvFormat: KvFormat,
  base: ElementType,
): readonly string[] {
  const found: string[] = [];
  if (!hasCacheFlag(kvFormat, base)) {
    found.push(
      `no flag of vLLM keeps a KV cache in ${kvFormat} for a model in ${base}: --dtype float32 makes both so`,
    );
  }
  const needed = checkpointNeeded(request, onlineFormats);
  if (needed === null) return found;
  return [
    ...found,
    `vLLM does not make ${needed} weights while it loads: the command needs ${checkpointName(needed)} in place of ${request.spec.id}`,
  ];
}

export function raisedNotes(
  request: Question<VllmOptions>,
  { sequences, batchedTokens }: VllmSettings,
  raisedFrom: number | null,
): readonly string[] {
  if (raisedFrom === null) return [];
  const most = sequences === batchedTokens ? ', the most that --max-num-batched-tokens allows' : '';
  return [
    `--max-num-seqs is ${formatCount(sequences)} here instead of ${formatCount(raisedFrom)}${most}, for the ${formatCount(request.workload.users)} users asked; activations grow with it`,
  ];
}

export function profileNotes(release: VllmRelease, format: WeightFormat): readonly string[] {
  const notes: string[] = [];
  if (release.from !== 'version')
    notes.push(`vLLM ${release.version} assumed; name another with --engine vllm@VERSION`);
  if (format.label.includes('read from the name'))
    notes.push('the quantisation scheme was read from the model name');
  return notes;
}
