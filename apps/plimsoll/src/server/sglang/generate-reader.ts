/** Collects the pieces of one answer of `/generate`. */
import type { GenerationPiece, RequestUsage } from '@plimsoll/engine';
import type { SampledLogprobs, TokenLogprob } from '@plimsoll/engine/sampling';
import type { Tokenizer } from '@plimsoll/text';
import { tokenText } from '../core/token-text.ts';
import type { GenerateAsk } from './generate-input.ts';
import type { Generated, LogprobEntry } from './generate-schema.ts';

type MetaInfo = Generated['meta_info'];

export interface ReaderParts {
  readonly ask: GenerateAsk;
  readonly id: string;
  readonly tokenizer: Tokenizer;
  /** One entry per prompt token; null unless the prompt's log-probabilities are wanted. */
  readonly promptScores: readonly (SampledLogprobs | null)[] | null;
  readonly withTexts: boolean;
}

export class GenerateReader {
  readonly #parts: ReaderParts;
  readonly #tokens: number[] = [];
  readonly #scores: SampledLogprobs[] = [];
  #text = '';
  #finish: MetaInfo['finish_reason'] = null;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  add({ token, text, logprobs, end, stopText }: GenerationPiece): void {
    const { ask } = this.#parts;
    if (ask.hasOutput) {
      this.#text += text;
      if (token !== null) {
        this.#tokens.push(token);
        if (logprobs !== undefined) this.#scores.push(logprobs);
      }
    }
    if (end === null) return;
    const isLength = end === 'length' || !ask.hasOutput;
    this.#finish = isLength
      ? { type: 'length', length: this.#tokens.length }
      : { type: 'stop', matched: stopText ?? this.#endToken() };
  }

  /** The whole answer so far. */
  view(usage: RequestUsage, seconds: number): Generated {
    return {
      text: this.#text,
      output_ids: [...this.#tokens],
      meta_info: {
        id: this.#parts.id,
        finish_reason: this.#finish,
        prompt_tokens: usage.promptTokens,
        completion_tokens: this.#tokens.length,
        cached_tokens: usage.cachedTokens,
        ...(this.#finish !== null && { e2e_latency: seconds }),
        ...this.#logprobs(),
      },
    };
  }

  /** The id of the end token; null if the model has several, because pieces do not name it. */
  #endToken(): number | null {
    const ends = [...this.#parts.tokenizer.specialTokens.endOfGeneration];
    return ends.length === 1 ? (ends[0] ?? null) : null;
  }

  #logprobs(): Partial<MetaInfo> {
    const { ask, promptScores } = this.#parts;
    if (ask.logprobs === null) return {};
    const { top, start } = ask.logprobs;
    const input = promptScores === null ? null : promptScores.slice(Math.max(0, start));
    const entry = (score: TokenLogprob): LogprobEntry => this.#entry(score.token, score.logprob);
    const tops = (score: SampledLogprobs): LogprobEntry[] => score.top.map(entry);
    return {
      input_token_logprobs: (input ?? []).map((score, index) =>
        // SGLang scores no token at the start.
        this.#entry(
          ask.tokens[Math.max(0, start) + index] ?? 0,
          index === 0 || score === null ? null : score.chosen.logprob,
        ),
      ),
      output_token_logprobs: this.#scores.map(({ chosen }) => entry(chosen)),
      output_token_logprobs_length: this.#scores.length,
      ...(top > 0 && {
        input_top_logprobs: (input ?? []).map((score, index) =>
          index === 0 || score === null ? null : tops(score),
        ),
        output_top_logprobs: this.#scores.map(tops),
      }),
    };
  }

  #entry(token: number, logprob: number | null): LogprobEntry {
    const { withTexts, tokenizer } = this.#parts;
    return [logprob, token, withTexts ? tokenText(tokenizer, token).token : null];
  }
}
