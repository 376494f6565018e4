/** What a person can change on llama.cpp: the cache's type, the context, the file. */
import type { Deployment } from '../../deployment/deployment.ts';
import type { Question } from '../../question/question.ts';
import { checkpointBits, contextChange, isCacheWide, weightChange } from '../contract/checkpoint-changes.ts';
import { sharedFlag } from '../contract/engine-face.ts';
import type { Change } from '../contract/engine-profile.ts';
import { llamaCppFace } from './face.ts';
import type { LlamaCppOptions } from './options.ts';

export function llamaCppChanges(
  question: Question<LlamaCppOptions>,
  current: Deployment,
): readonly Change<LlamaCppOptions>[] {
  const { users } = question.workload;
  return [
    ...cacheChanges(question),
    ...contextChange(
      question,
      current,
      (tokens) => `${sharedFlag(llamaCppFace, 'context')} ${tokens * users}`,
    ),
    ...fileChanges(question),
  ];
}

/** Flags for a number of users: llama.cpp allocates a slot for every user when it starts. */
export function slotFlags({ workload }: Question, users: number): string {
  const slots = `${sharedFlag(llamaCppFace, 'users')} ${users}`;
  return ` ${slots} ${sharedFlag(llamaCppFace, 'context')} ${workload.contextTokens * users}`;
}

export function cacheChanges(question: Question<LlamaCppOptions>): readonly Change<LlamaCppOptions>[] {
  if (!isCacheWide(question)) return [];
  return [
    {
      kind: 'kv',
      title: 'keep the KV cache in q8_0',
      flags: '-fa on -ctk q8_0 -ctv q8_0',
      cost: 'a small loss of quality at long contexts',
      size: 2,
      apply: (old) => ({ ...old, kvFormat: 'q8_0', options: { ...old.options, flashAttention: true } }),
    },
  ];
}

/** Other files of the model. A GGUF file stays as it is, and a file made from a four-bit checkpoint is no smaller. */
export function fileChanges({ spec, weights }: Question): readonly Change<object>[] {
  if (spec.source === 'gguf' || checkpointBits(spec) < 8 || isFourBit(weights ?? 'Q4_K_M')) return [];
  return llamaCppFace.usualFormats
    .filter((format) => format !== weights)
    .map((format) => weightChange({ weights: format, size: isFourBit(format) ? 5 : 4 }));
}

function isFourBit(format: string): boolean {
  return /^(I?Q[1-4]|MXFP4)/i.test(format);
}
