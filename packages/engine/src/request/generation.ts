/** What a request asks for and what it gets. */

import type { Tokenizer } from '@plimsoll/text';
import type { Grammar } from '@plimsoll/text/grammar';
import type { AcceptanceSummary } from '../draft/acceptance.ts';
import type { PromptLookupOptions } from '../draft/prompt-lookup.ts';
import type { SampledLogprobs } from '../sampling/log-probabilities.ts';
import type { SamplerRequest } from '../sampling/sampler-params.ts';
import type { RequestUsage } from './request-usage.ts';

export interface GenerationRequest {
  /** Text, which the model's tokenizer encodes, or token ids as they are. */
  readonly prompt: string | ArrayLike<number>;
  /** Output tokens at most; default: what the context leaves, or, where it may slide, no limit. */
  readonly maxTokens?: number;
  /**
   * When prompt and output outgrow the context: `refuse` (the default) names the limit, before anything is computed. To
   * slide is to keep the first tokens, drop the older half of the others, and compute the rest anew.
   */
  readonly overflow?: 'refuse' | { readonly keepTokens: number };
  readonly sampling?: SamplerRequest;
  readonly stop?: readonly string[];
  /** Generate on past the model's end tokens. */
  readonly ignoreEnd?: boolean;
  /** Continuations of the same prompt; they share its cache. Default 1. */
  readonly choices?: number;
  readonly priority?: number;
  /** Who asks, for policies that share service between tenants. */
  readonly tenant?: string;
  /** Aborts the request: its memory is free before the promise settles. */
  readonly signal?: AbortSignal;
  /** Propose tokens from the text so far and verify several per step. */
  readonly promptLookup?: Partial<PromptLookupOptions> | boolean;
  /** Tokens that the engine's draft model may propose per step: at most, and by default, what it was started with. */
  readonly draftTokens?: number;
  /** The output fits it, and is complete when the tokens run out: from a JSON schema or from GBNF. */
  readonly grammar?: Grammar;
}

/** A token mask that follows the output. */
export interface TokenConstraint {
  allowed(): Uint32Array;
  advance(token: number): void;
}

export type GenerationEnd = 'stop' | 'length';

/** One step forward of one choice. */
export interface GenerationPiece {
  readonly choice: number;
  /** Null where only text is left to give, at the end. */
  readonly token: number | null;
  /** The characters that are now certain; stop strings and control tokens are left out. */
  readonly text: string;
  readonly logprobs?: SampledLogprobs;
  /** Set in the last piece of a choice. */
  readonly end: GenerationEnd | null;
  /** How drafts did, in the last piece of a choice for which any were made. */
  readonly speculation?: AcceptanceSummary;
  /** Tokens that slid out of the context, in the last piece of a choice for which it slid. */
  readonly droppedTokens?: number;
}

export interface GenerationChoice {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly logprobs: readonly SampledLogprobs[];
  readonly end: GenerationEnd;
  /** How drafts did; absent where none were made. */
  readonly speculation?: AcceptanceSummary;
  /** Tokens that slid out of the context; absent where none did. */
  readonly droppedTokens?: number;
}

export interface GenerationResult {
  readonly promptTokens: number;
  readonly choices: readonly GenerationChoice[];
  readonly usage: RequestUsage;
}

/** What text is made with; null for an engine that is given and gives tokens only. */
export type OptionalTokenizer = Tokenizer | null;
