/**
 * One choice of a request while the engine generates it. A completion receives every sampled token, decides whether it
 * ends the choice, and turns it into text. Only this file knows end tokens, stop strings and constraints.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { FinishReason, SequenceView } from '@plimsoll/serving';
import { StopStrings, TextStream } from '@plimsoll/text';
import { AcceptanceStatistics, type AcceptanceSummary } from '../draft/acceptance.ts';
import { draftFromHistory, type PromptLookupOptions } from '../draft/prompt-lookup.ts';
import type { Sample, Sampler } from '../sampling/sampler.ts';
import { type SlideLimits, slide } from './context-slide.ts';
import type {
  GenerationEnd,
  GenerationPiece,
  GenerationRequest,
  OptionalTokenizer,
  TokenConstraint,
} from './generation.ts';
import type { Continuation, HiddenCapture, LiveSequence } from './live-sequence.ts';
import type { Request } from './request.ts';

export interface CompletionParts {
  readonly choice: number;
  /** The request that receives the pieces. */
  readonly request: Request;
  readonly sampler: Sampler;
  readonly tokenizer: OptionalTokenizer;
  readonly stop: readonly string[];
  readonly ignoreEnd: boolean;
  readonly constraint: TokenConstraint | null;
  readonly promptLookup: Partial<PromptLookupOptions> | null;
  /** Tokens that a draft model may propose per step. */
  readonly draftTokensMax: number;
  readonly outputTokensMax: number;
  /** Null if the choice ends at the end of the context. */
  readonly slides: SlideLimits | null;
  /** Number of prompt tokens that were dropped before the start. */
  readonly droppedTokens: number;
  /** The other choices of the request; only the first choice has them. */
  readonly others: readonly Completion[];
  readonly capture: HiddenCapture | undefined;
  readonly onProposal: GenerationRequest['onProposal'];
}

export class Completion implements LiveSequence {
  readonly sampler: Sampler;
  /** Undefined unless prompt lookup is on, so that a step need not copy the history. */
  readonly draft?: (tokens: readonly number[]) => readonly number[];
  readonly draftTokensMax: number;
  readonly capture?: HiddenCapture;
  readonly proposed?: (position: number, logits: Float32Array) => void;
  readonly #parts: CompletionParts;
  readonly #speculation = new AcceptanceStatistics();
  readonly #stream: TextStream | null;
  readonly #stops: StopStrings;
  /** The piece that ends the choice. It is pushed after the sequence has left the scheduler. */
  #last: GenerationPiece | null = null;
  #outputTokens = 0;
  #droppedTokens: number;
  /** The tokens of a text that outgrew the context, until `continuation` takes them. */
  #overflow: readonly number[] | null = null;
  #hasForked = false;

  constructor(parts: CompletionParts) {
    const { tokenizer, stop, promptLookup, capture, onProposal } = parts;
    this.#parts = parts;
    this.draftTokensMax = parts.draftTokensMax;
    this.#droppedTokens = parts.droppedTokens;
    if (promptLookup !== null) this.draft = (tokens) => draftFromHistory(tokens, promptLookup);
    if (capture !== undefined) this.capture = capture;
    if (onProposal !== undefined) this.proposed = onProposal;
    this.sampler = parts.sampler;
    this.#stream = tokenizer === null ? null : new TextStream(tokenizer, { continuesText: true });
    this.#stops = new StopStrings(stop);
  }

  began(sequence: SequenceView): void {
    this.#parts.request.began(sequence);
  }

  get isBehind(): boolean {
    return this.#parts.request.isBehind;
  }

  /** Returns the prompt that continues a text whose context is full, once per slide; null if there is none. */
  continuation(): Continuation | null {
    const { slides, outputTokensMax } = this.#parts;
    const overflow = this.#overflow;
    if (overflow === null || slides === null) return null;
    this.#overflow = null;
    const prompt = slide(overflow, slides);
    this.#droppedTokens += overflow.length - prompt.length;
    const room = slides.contextMax - prompt.length;
    return { prompt, outputTokensMax: Math.min(room, outputTokensMax - this.#outputTokens) };
  }

  /** Statistics of the drafts of a draft model or of prompt lookup; null before the first draft. */
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
    // After a slide the text starts as a prompt again; it must not fork again.
    const forks = this.#hasForked ? [] : this.#parts.others;
    this.#hasForked = true;
    return forks;
  }

  accept({ token, logprobs }: Sample): 'stop' | null {
    const { choice, tokenizer, ignoreEnd, constraint } = this.#parts;
    if (!ignoreEnd && tokenizer?.specialTokens.endOfGeneration.has(token) === true) {
      this.#last = this.#rest('stop');
      return 'stop';
    }
    this.#outputTokens++;
    constraint?.advance(token);
    const { text, stop } = this.#stops.push(this.#stream?.push(token) ?? '');
    const piece = { choice, token, text, ...(logprobs !== undefined && { logprobs }) };
    if (stop === null) {
      this.#parts.request.push({ ...piece, end: null });
      return null;
    }
    this.#last = { ...piece, end: 'stop', stopText: stop };
    return 'stop';
  }

  finish(reason: FinishReason, sequence: SequenceView): void {
    const { request, slides, outputTokensMax } = this.#parts;
    request.left(sequence);
    if (reason === 'expired') request.fail(queuedTooLong(sequence));
    if (reason === 'expired' || reason === 'aborted') return;
    const goesOn = slides !== null && this.#last === null && this.#outputTokens < outputTokensMax;
    if (goesOn) {
      this.#overflow = sequence.tokens;
      return;
    }
    request.push({ ...(this.#last ?? this.#rest('length')), ...this.#extras() });
    request.settle();
  }

  fail(error: unknown, sequence: SequenceView): void {
    this.#parts.request.left(sequence);
    this.#parts.request.fail(error);
  }

  /** The piece with the text that was held back: a partial character, or the possible start of a stop string. */
  #rest(end: GenerationEnd): GenerationPiece {
    const { text, stop } = this.#stops.push(this.#stream?.end() ?? '');
    const { choice } = this.#parts;
    if (stop !== null) return { choice, token: null, text, end: 'stop', stopText: stop };
    return { choice, token: null, text: text + this.#stops.end(), end };
  }

  #extras(): Pick<GenerationPiece, 'speculation' | 'droppedTokens'> {
    const { speculation } = this;
    const droppedTokens = this.#droppedTokens;
    return {
      ...(speculation !== null && { speculation }),
      ...(droppedTokens > 0 && { droppedTokens }),
    };
  }
}

function queuedTooLong({ submittedAt, finishedAt }: SequenceView): PlimsollError {
  const waited = (finishedAt ?? submittedAt) - submittedAt;
  return new PlimsollError({
    code: 'queued-too-long',
    message: `the request waited ${waited.toFixed(1)} s and was never scheduled`,
    value: waited,
    limit: 'queueSecondsMax of the engine',
    hint: 'try again later, or start the engine for more sequences',
  });
}
