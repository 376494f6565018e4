/** What a person can change on llama.cpp, and on programs that start it: the cache's type, the context, the file. */
import type { Deployment } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import { checkpointBits, contextChange, isCacheWide, weightChange } from '../contract/checkpoint-changes.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import type { Change } from '../contract/engine-profile.ts';
import { llamaCppFace } from './face.ts';
import type { LlamaCppOptions } from './options.ts';

/** How a program writes the changes. */
export interface ChangeFlags {
  /** Keeps keys and values in q8_0. */
  readonly cache: string;
  readonly context: (question: Question, contextTokens: number) => string;
}

/** The options that changes set. */
export type ChangedOptions = Pick<LlamaCppOptions, 'flashAttention'>;

const llamaCppFlags: ChangeFlags = {
  cache: '-fa on -ctk q8_0 -ctv q8_0',
  context: ({ workload }, contextTokens) =>
    `${sharedFlag(llamaCppFace, 'context')} ${contextTokens * workload.users}`,
};

export function llamaCppChanges(
  question: Question<ChangedOptions>,
  current: Deployment,
  flags: ChangeFlags = llamaCppFlags,
): readonly Change<ChangedOptions>[] {
  return [
    ...cacheChanges(question, flags),
    ...contextChange(question, current, (tokens) => flags.context(question, tokens)),
    ...fileChanges(question),
  ];
}

/** Flags for a number of users: llama.cpp allocates a slot for every user when it starts. */
export function slotFlags({ workload }: Question, users: number): string {
  const slots = `${sharedFlag(llamaCppFace, 'users')} ${users}`;
  return ` ${slots} ${sharedFlag(llamaCppFace, 'context')} ${workload.contextTokens * users}`;
}

export function cacheChanges(
  question: Question<ChangedOptions>,
  flags: ChangeFlags = llamaCppFlags,
): readonly Change<ChangedOptions>[] {
  if (!isCacheWide(question)) return [];
  return [
    {
      kind: 'kv',
      title: 'keep the KV cache in q8_0',
      flags: flags.cache,
      cost: 'a small loss of quality at long contexts',
      size: 2,
      apply: (old) => ({ ...old, kvFormat: 'q8_0', options: { ...old.options, flashAttention: true } }),
    },
  ];
}

/** Other files of the model. A GGUF file stays as it is, and a file made from a four-bit checkpoint is no smaller. */
function fileChanges({ spec, weights }: Question): readonly Change<object>[] {
  if (spec.source === 'gguf' || checkpointBits(spec) < 8 || isFourBit(weights ?? 'Q4_K_M')) return [];
  return llamaCppFace.usualFormats
    .filter((format) => format !== weights)
    .map((format) => weightChange({ weights: format, size: isFourBit(format) ? 5 : 4 }));
}

function isFourBit(format: string): boolean {
  return /^(I?Q[1-4]|MXFP4)/i.test(format);
}
