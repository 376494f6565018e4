/** A request for generation, and its results. */

import type { Tokenizer } from '@plimsoll/text';
import type { Grammar } from '@plimsoll/text/grammar';
import type { AcceptanceSummary } from '../draft/acceptance.ts';
import type { PromptLookupOptions } from '../draft/prompt-lookup.ts';
import type { SampledLogprobs } from '../sampling/log-probabilities.ts';
import type { SamplerRequest } from '../sampling/sampler-params.ts';
import type { HiddenCapture } from './live-sequence.ts';
import type { RequestUsage } from './request-usage.ts';

export interface GenerationRequest {
  /** Text, which the model's tokenizer encodes, or token ids. */
  readonly prompt: string | ArrayLike<number>;
  /** Maximum number of output tokens. Default: the rest of the context, or no limit if the context may slide. */
  readonly maxTokens?: number;
  /**
   * What happens if prompt and output outgrow the context. `refuse` (the default) throws before the first step and
   * names the limit. `keepTokens` lets the context slide: it keeps the first tokens, drops the older half of the
   * others, and computes the rest again.
   */
  readonly overflow?: 'refuse' | { readonly keepTokens: number };
  readonly sampling?: SamplerRequest;
  /** Strings that end a choice. The output does not contain them. */
  readonly stop?: readonly string[];
  /** True: end tokens of the model do not end a choice. */
  readonly ignoreEnd?: boolean;
  /** Number of continuations of the prompt; they share its cache. At most `sequencesMax`. Default 1. */
  readonly choices?: number;
  /** Used by scheduling policies that rank by priority. Default 0. */
  readonly priority?: number;
  /** Name of the user, for policies that share service between tenants. Default: the empty string. */
  readonly tenant?: string;
  /** Requests share cached blocks only with requests of the same salt. Default: the empty string. */
  readonly cacheSalt?: string;
  /** Aborts the request. Its memory is free before the promise settles. */
  readonly signal?: AbortSignal;
  /** Proposes tokens from the text so far, and verifies several per step. */
  readonly promptLookup?: Partial<PromptLookupOptions> | boolean;
  /** Maximum number of tokens that the draft model proposes per step. Limit and default: the number at engine start. */
  readonly draftTokens?: number;
  /**
   * Receives the draft model's logits for the token at a position, [vocabulary], before it is proposed: for tests of a
   * draft. Tokens that the draft cannot predict have -Infinity. The row is valid during the call.
   */
  readonly onProposal?: (position: number, logits: Float32Array) => void;
  /** Constrains the output to a JSON schema or GBNF grammar. The output is complete within `maxTokens`. */
  readonly grammar?: Grammar;
  /** Receives hidden states. The request has one choice then, and its context does not slide. */
  readonly capture?: HiddenCapture;
}

/** A token mask that follows the output. */
export interface TokenConstraint {
  allowed(): Uint32Array;
  advance(token: number): void;
}

/** `stop`: an end token or a stop string. `length`: the limit of tokens or the end of the context. */
export type GenerationEnd = 'stop' | 'length';

/** The next piece of a choice. */
export interface GenerationPiece {
  /** Index of the choice. */
  readonly choice: number;
  /** Null in a last piece that has only text. */
  readonly token: number | null;
  /** The characters that no later token can change, without stop strings and control tokens. May be empty. */
  readonly text: string;
  readonly logprobs?: SampledLogprobs;
  /** Set in the last piece of a choice. */
  readonly end: GenerationEnd | null;
  /** The stop string that ended the choice; absent after an end token. */
  readonly stopText?: string;
  /** Statistics of drafts, in the last piece of a choice that had drafts. */
  readonly speculation?: AcceptanceSummary;
  /** Number of tokens that slid out of the context, in the last piece of a choice whose context slid. */
  readonly droppedTokens?: number;
}

export interface GenerationChoice {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly logprobs: readonly SampledLogprobs[];
  readonly end: GenerationEnd;
  /** Statistics of drafts; absent if there were none. */
  readonly speculation?: AcceptanceSummary;
  /** Number of tokens that slid out of the context; absent if there were none. */
  readonly droppedTokens?: number;
}

export interface GenerationResult {
  readonly promptTokens: number;
  readonly choices: readonly GenerationChoice[];
  readonly usage: RequestUsage;
}

/** Null for an engine that takes and returns token ids only. */
export type OptionalTokenizer = Tokenizer | null;
