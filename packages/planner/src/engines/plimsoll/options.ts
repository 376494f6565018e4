/** Options of our own engine in a plan, besides users, context and cache type. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { countOption, type OptionSpec, textOf } from '../contract/option-spec.ts';
import type { EngineOptions } from './settings.ts';

export interface PlimsollOptions
  extends Omit<EngineOptions, 'sequencesMax' | 'contextMax' | 'kvFormat' | 'kvShare' | 'draft'> {
  /** A smaller model that proposes `tokens` tokens per step; `reference` is the model as typed. */
  readonly draft?:
    | { readonly spec: ModelSpec; readonly tokens: number; readonly reference?: string | undefined }
    | undefined;
}

/** Default number of tokens that a draft proposes per step: longer proposals are seldom accepted whole. */
export const usualDraftTokens = 4;

export const plimsollOptions: readonly OptionSpec<PlimsollOptions>[] = [
  countOption<PlimsollOptions>(
    { name: 'block-size', flags: ['--block-size'], value: '<tokens>', words: 'tokens of a KV block' },
    (blockTokens) => ({ blockTokens }),
    ({ blockTokens }) => blockTokens,
  ),
  countOption<PlimsollOptions>(
    { name: 'threads', flags: ['--threads'], words: 'kernel threads' },
    (threads) => ({ threads }),
    ({ threads }) => threads,
  ),
  countOption<PlimsollOptions>(
    {
      name: 'prefill-chunk',
      flags: ['--prefill-chunk'],
      value: '<tokens>',
      words: 'prompt tokens of one step',
    },
    (prefillChunkTokens) => ({ prefillChunkTokens }),
    ({ prefillChunkTokens }) => prefillChunkTokens,
  ),
  {
    name: 'draft',
    flags: ['--draft'],
    value: '<model>',
    words: 'a smaller model of the same vocabulary that proposes tokens',
    limit: 'a model',
    field: null,
    read: null,
    write: ({ draft }) => (draft === undefined ? null : (draft.reference ?? draft.spec.id)),
  },
  {
    name: 'draft-tokens',
    flags: ['--draft-tokens'],
    value: '<count>',
    words: `tokens that the draft proposes per step (default: ${usualDraftTokens})`,
    limit: 'a whole number from 1 to 64',
    field: null,
    read: null,
    write: ({ draft }) => textOf(draft?.tokens),
  },
];
