/** The command that starts the planned engine: `plimsoll run` for one sequence, `plimsoll serve` for several. */
import { MiB } from '@plimsoll/foundation';
import { modelArgument, type Question, shellArgument } from '../../question/question.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import { optionWords } from '../contract/option-spec.ts';
import { mixtureNamed } from './engine-request.ts';
import { plimsollFace } from './face.ts';
import { type PlimsollOptions, plimsollOptions } from './options.ts';
import { kvTypeNames, sequencesLimit } from './settings.ts';

/**
 * Returns the file as typed. For a model of the registry, which no command runs, returns the file that the plan
 * assumes.
 */
function fileArgument(question: Question): string {
  const { spec, weights } = question;
  if (spec.source !== 'config') return modelArgument(question);
  return shellArgument(`${spec.id.split('/').at(-1)}-${mixtureNamed(weights)}.gguf`);
}

export function plimsollCommand(question: Question<PlimsollOptions>): string {
  const { workload, kvFormat, hardware, options = {} } = question;
  const { contextTokens, users } = workload;
  const parts = [users > 1 ? 'plimsoll serve' : 'plimsoll run', fileArgument(question)];
  if (users > 1) parts.push(sharedFlag(plimsollFace, 'users'), String(Math.min(users, sequencesLimit)));
  parts.push(`--memory ${Math.floor(hardware.memory.usableBytes / MiB)}MiB`);
  parts.push(sharedFlag(plimsollFace, 'context'), String(contextTokens));
  if (kvFormat === 'q8_0' || kvFormat === 'fp32')
    parts.push(sharedFlag(plimsollFace, 'kv'), kvTypeNames[kvFormat]);
  const { draft, ...others } = options;
  parts.push(...optionWords(plimsollOptions, others));
  if (options.shrinkWeights === true) parts.push(`${sharedFlag(plimsollFace, 'weights')} auto`);
  parts.push(...optionWords(plimsollOptions, { draft }).map(shellArgument));
  return parts.join(' ');
}
