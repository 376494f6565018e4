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

interface InputEntries {
  readonly chosen: LogprobEntry[];
  readonly tops: (LogprobEntry[] | null)[];
}

export class GenerateReader {
  readonly #parts: ReaderParts;
  readonly #tokens: number[] = [];
  readonly #outputs: LogprobEntry[] = [];
  readonly #outputTops: LogprobEntry[][] = [];
  /** Entries of the prompt, which stay the same; null until the first view. */
  #inputs: InputEntries | null = null;
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
        if (logprobs !== undefined) {
          this.#outputs.push(this.#entryOf(logprobs.chosen));
          this.#outputTops.push(logprobs.top.map((one) => this.#entryOf(one)));
        }
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
    const { logprobs } = this.#parts.ask;
    if (logprobs === null) return {};
    this.#inputs ??= this.#inputEntries(Math.max(0, logprobs.start));
    return {
      input_token_logprobs: this.#inputs.chosen,
      output_token_logprobs: this.#outputs,
      output_token_logprobs_length: this.#outputs.length,
      ...(logprobs.top > 0 && {
        input_top_logprobs: this.#inputs.tops,
        output_top_logprobs: this.#outputTops,
      }),
    };
  }

  #inputEntries(start: number): InputEntries {
    const { ask, promptScores } = this.#parts;
    // SGLang scores no token at the start.
    const scores = (promptScores ?? []).slice(start).map((score, index) => (index === 0 ? null : score));
    return {
      chosen: scores.map((score, index) =>
        this.#entry(ask.tokens[start + index] ?? 0, score?.chosen.logprob ?? null),
      ),
      tops: scores.map((score) => score?.top.map((one) => this.#entryOf(one)) ?? null),
    };
  }

  #entryOf({ token, logprob }: TokenLogprob): LogprobEntry {
    return this.#entry(token, logprob);
  }

  #entry(token: number, logprob: number | null): LogprobEntry {
    const { withTexts, tokenizer } = this.#parts;
    return [logprob, token, withTexts ? tokenText(tokenizer, token).token : null];
  }
}
