/** The command that starts the planned engine, or the call of `@plimsoll/engine` if no command can start it. */
import { MiB } from '@plimsoll/foundation';
import { modelArgument, type Question, shellArgument } from '../../question/question.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import { optionWords } from '../contract/option-spec.ts';
import { mixtureNamed } from './engine-request.ts';
import { plimsollFace } from './face.ts';
import { type PlimsollOptions, plimsollOptions } from './options.ts';
import { kvTypeNames } from './settings.ts';

/**
 * Returns the file as typed. For a model of the registry, which no command runs, returns the file that the plan
 * assumes.
 */
function fileArgument(question: Question): string {
  const { spec, weights } = question;
  if (spec.source !== 'config') return modelArgument(question);
  return shellArgument(`${spec.id.split('/').at(-1)}-${mixtureNamed(weights)}.gguf`);
}

/** Writes the options of `createEngine` as code. */
function engineOptions({ workload, kvFormat, options = {} }: Question<PlimsollOptions>): readonly string[] {
  const { blockTokens, threads, prefillChunkTokens, shrinkWeights } = options;
  const set = Object.entries({ blockTokens, threads, prefillChunkTokens });
  return [
    `sequencesMax: ${workload.users}`,
    `contextMax: ${workload.contextTokens}`,
    ...(kvFormat === 'q8_0' || kvFormat === 'fp32' ? [`kvFormat: '${kvFormat}'`] : []),
    ...set.flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`])),
    ...(shrinkWeights === true ? ['shrinkWeights: true'] : []),
  ];
}

/** Writes the command for one sequence, or the call of `@plimsoll/engine` for several, which no command serves. */
export function plimsollCommand(question: Question<PlimsollOptions>): string {
  const { workload, kvFormat, hardware, options = {} } = question;
  const { contextTokens, users } = workload;
  const memoryMiB = Math.floor(hardware.memory.usableBytes / MiB);
  // No flag of `plimsoll run` sets the tokens of a block.
  if (users > 1 || options.blockTokens !== undefined) {
    const settings = `{ ${engineOptions(question).join(', ')} }`;
    const tokens = options.draft?.tokens;
    const draft = tokens === undefined ? '' : `, draft: { model: draft, tokens: ${tokens} }`;
    return `createEngine({ model, memoryBytes: ${memoryMiB * MiB}, options: ${settings}${draft} })`;
  }
  const parts = ['plimsoll run', fileArgument(question), `--memory ${memoryMiB}MiB`];
  parts.push(sharedFlag(plimsollFace, 'context'), String(contextTokens));
  if (kvFormat === 'q8_0' || kvFormat === 'fp32')
    parts.push(sharedFlag(plimsollFace, 'kv'), kvTypeNames[kvFormat]);
  const { draft, ...others } = options;
  parts.push(...optionWords(plimsollOptions, others));
  if (options.shrinkWeights === true) parts.push(`${sharedFlag(plimsollFace, 'weights')} auto`);
  parts.push(...optionWords(plimsollOptions, { draft }).map(shellArgument));
  return parts.join(' ');
}
