/** Collects the pieces of one answer of `/completion`. */
import type { GenerationPiece } from '@plimsoll/engine';
import type { SampledLogprobs, TokenLogprob } from '@plimsoll/engine/sampling';
import type { Tokenizer } from '@plimsoll/text';
import type { Generation } from '../core/generations.ts';
import { tokenText } from '../core/token-text.ts';
import type { CompletionAsk } from './completion-input.ts';
import type { PartialCompletion, TokenScore, WholeCompletion } from './completion-schema.ts';
import { timingsOf } from './timings.ts';

export interface ReaderParts {
  readonly ask: CompletionAsk;
  readonly generation: Generation;
  readonly index: number;
  readonly tokenizer: Tokenizer;
  /** Name of the model. */
  readonly model: string;
  readonly returnsTokens: boolean;
}

export class CompletionReader {
  readonly #parts: ReaderParts;
  readonly #scores: TokenScore[] = [];
  /** In a stream, the text and tokens that have not been sent. */
  #text = '';
  #tokens: number[] = [];
  #predicted = 0;
  #hasNewLine = false;
  #end: Pick<WholeCompletion, 'stop_type' | 'stopping_word'> | null = null;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  add({ token, text, logprobs, end, stopText }: GenerationPiece): void {
    if (this.#parts.ask.hasOutput) {
      this.#text += text;
      this.#hasNewLine ||= text.includes('\n');
      if (token !== null) {
        this.#predicted++;
        this.#tokens.push(token);
        if (logprobs !== undefined) this.#scores.push(this.#scoreOf(logprobs));
      }
    }
    if (end === null) return;
    const isLimit = end === 'length' || !this.#parts.ask.hasOutput;
    const ended = stopText === undefined ? 'eos' : 'word';
    this.#end = { stop_type: isLimit ? 'limit' : ended, stopping_word: stopText ?? '' };
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  get hasTokens(): boolean {
    return this.#tokens.length > 0;
  }

  /** The tokens since the last call. */
  takePartial(): PartialCompletion {
    const { ask, generation } = this.#parts;
    const news = { ...this.#shared(), tokens: this.#tokens, stop: false as const };
    this.#text = '';
    this.#tokens = [];
    this.#scores.length = 0;
    return { ...news, ...(ask.settings.timings_per_token && { timings: this.#timings(generation) }) };
  }

  /** The whole answer, or in a stream the rest of it with the figures of the whole. */
  whole(): WholeCompletion {
    const { ask, generation, model, tokenizer, returnsTokens } = this.#parts;
    const { stop_type, stopping_word } = this.#end ?? { stop_type: 'limit', stopping_word: '' };
    const { settings } = ask;
    const { cachedTokens } = generation.usage();
    const isShort = settings.n_predict === -1 || this.#predicted < settings.n_predict;
    return {
      ...this.#shared(),
      tokens: returnsTokens ? this.#tokens : [],
      stop: true,
      model,
      generation_settings: settings,
      prompt: tokenizer.decode(ask.tokens, { skipSpecial: false }),
      has_new_line: this.#hasNewLine,
      truncated: stop_type === 'limit' && isShort,
      ...{ stop_type, stopping_word },
      tokens_cached: cachedTokens,
      timings: this.#timings(generation),
    };
  }

  #shared() {
    const { ask, generation, index } = this.#parts;
    return {
      index,
      content: this.#text,
      tokens_predicted: this.#predicted,
      tokens_evaluated: generation.promptTokens,
      ...(ask.settings.n_probs > 0 && { completion_probabilities: [...this.#scores] }),
    };
  }

  #timings(generation: Generation): WholeCompletion['timings'] {
    return timingsOf(generation, { predicted: this.#predicted, now: generation.now() });
  }

  #scoreOf({ chosen, top }: SampledLogprobs): TokenScore {
    const { tokenizer } = this.#parts;
    const report = ({ token, logprob }: TokenLogprob) => ({
      id: token,
      ...tokenText(tokenizer, token),
      logprob,
    });
    return { ...report(chosen), top_logprobs: top.map(report) };
  }
}
