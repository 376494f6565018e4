/**
 * One choice of a request while it is generated: every token is sampled, judged and turned into text here. It is the one
 * place that knows end tokens, stop strings and constraints.
 */
import type { FinishReason } from '@plimsoll/serving';
import { StopStrings, TextStream } from '@plimsoll/text';
import { AcceptanceStatistics, type AcceptanceSummary } from '../draft/acceptance.ts';
import { draftFromHistory, type PromptLookupOptions } from '../draft/prompt-lookup.ts';
import type { Sample, Sampler } from '../sampling/sampler.ts';
import { type SlideLimits, slide } from './context-slide.ts';
import type { GenerationEnd, GenerationPiece, OptionalTokenizer, TokenConstraint } from './generation.ts';
import type { LiveSequence } from './live-sequence.ts';

export interface CompletionParts {
  readonly choice: number;
  readonly sampler: Sampler;
  readonly tokenizer: OptionalTokenizer;
  readonly stop: readonly string[];
  readonly ignoreEnd: boolean;
  readonly constraint: TokenConstraint | null;
  readonly promptLookup: Partial<PromptLookupOptions> | null;
  /** Tokens that a draft model may propose per step. */
  readonly draftTokensMax: number;
  readonly outputTokensMax: number;
  /** Null where the end of the context is the end. */
  readonly slides: SlideLimits | null;
  /** Tokens of the prompt that were left out. */
  readonly droppedTokens: number;
  /** The other choices, for the first one. */
  readonly others: readonly Completion[];
}

export class Completion implements LiveSequence {
  readonly sampler: Sampler;
  /** Absent without prompt lookup: then nobody gathers the tokens for it. */
  readonly draft?: (tokens: readonly number[]) => readonly number[];
  readonly draftTokensMax: number;
  readonly #parts: CompletionParts;
  readonly #speculation = new AcceptanceStatistics();
  readonly #stream: TextStream | null;
  readonly #stops: StopStrings;
  readonly #pieces: GenerationPiece[] = [];
  #ended = false;
  #outputTokens = 0;
  #droppedTokens: number;
  /** The text that outgrew the context, until it is taken. */
  #overflow: readonly number[] | null = null;
  #hasForked = false;
  #error: { readonly value: unknown } | null = null;

  constructor(parts: CompletionParts) {
    const { tokenizer, stop, promptLookup } = parts;
    this.#parts = parts;
    this.draftTokensMax = parts.draftTokensMax;
    this.#droppedTokens = parts.droppedTokens;
    if (promptLookup !== null) this.draft = (tokens) => draftFromHistory(tokens, promptLookup);
    this.sampler = parts.sampler;
    this.#stream = tokenizer === null ? null : new TextStream(tokenizer, { continuesText: true });
    this.#stops = new StopStrings(stop);
  }

  /** Pieces since the last call. Throws what ended the sequence, once they have been given. */
  take(): readonly GenerationPiece[] {
    const pieces = this.#pieces.splice(0);
    if (pieces.length === 0 && this.#error !== null) throw this.#error.value;
    if (!this.#ended) return pieces;
    const { speculation } = this;
    const droppedTokens = this.#droppedTokens;
    const extras = {
      ...(speculation !== null && { speculation }),
      ...(droppedTokens > 0 && { droppedTokens }),
    };
    return pieces.map((piece) => (piece.end === null ? piece : { ...piece, ...extras }));
  }

  /** The prompt with which to go on where the context is full, once; null where there is nothing to do. */
  takeContinuation(): { readonly prompt: readonly number[]; readonly outputTokensMax: number } | null {
    const { slides, outputTokensMax } = this.#parts;
    const overflow = this.#overflow;
    if (overflow === null || slides === null) return null;
    this.#overflow = null;
    const prompt = slide(overflow, slides);
    this.#droppedTokens += overflow.length - prompt.length;
    const room = slides.contextMax - prompt.length;
    return { prompt, outputTokensMax: Math.min(room, outputTokensMax - this.#outputTokens) };
  }

  get isOver(): boolean {
    return this.#pieces.length === 0 && this.#ended && this.#error === null;
  }

  get isWaiting(): boolean {
    return this.#pieces.length === 0 && !this.#ended;
  }

  /** How drafts did, of a draft model or from the text; null before any was made. */
  get speculation(): AcceptanceSummary | null {
    const summary = this.#speculation.summary();
    return summary.steps === 0 ? null : summary;
  }

  allowed(): Uint32Array | undefined {
    return this.#parts.constraint?.allowed();
  }

  verified(drafted: number, accepted: number): void {
    this.#speculation.record(drafted, accepted);
  }

  forks(): readonly LiveSequence[] {
    // A continued text has a prompt again, and forks no more.
    const forks = this.#hasForked ? [] : this.#parts.others;
    this.#hasForked = true;
    return forks;
  }

  accept({ token, logprobs }: Sample): 'stop' | null {
    const { choice, tokenizer, ignoreEnd, constraint } = this.#parts;
    if (!ignoreEnd && tokenizer?.specialTokens.endOfGeneration.has(token) === true) {
      this.#end('stop');
      return 'stop';
    }
    this.#outputTokens++;
    constraint?.advance(token);
    const { text, stop } = this.#stops.push(this.#stream?.push(token) ?? '');
    const end = stop === null ? null : 'stop';
    this.#pieces.push({ choice, token, text, end, ...(logprobs !== undefined && { logprobs }) });
    if (end !== null) this.#ended = true;
    return end;
  }

  finish(reason: FinishReason, tokens: readonly number[]): void {
    if (this.#ended || reason !== 'length') return;
    const { slides, outputTokensMax } = this.#parts;
    if (slides !== null && this.#outputTokens < outputTokensMax) this.#overflow = tokens;
    else this.#end('length');
  }

  fail(error: unknown): void {
    this.#ended = true;
    this.#error = { value: error };
  }

  /** Gives what was held back: half a character, and what might have become a stop string. */
  #end(end: GenerationEnd): void {
    const { text, stop } = this.#stops.push(this.#stream?.end() ?? '');
    this.#ended = true;
    this.#pieces.push({
      choice: this.#parts.choice,
      token: null,
      text: stop === null ? text + this.#stops.end() : text,
      end: stop === null ? end : 'stop',
    });
  }
}
