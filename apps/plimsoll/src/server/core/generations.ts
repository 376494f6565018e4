/**
 * The one way from a validated request to the engine. Every API maps its fields to a GenerationInput and reads pieces
 * and usage from the Generation; this file cancels the request when its client leaves, and measures it.
 */
import { randomInt } from 'node:crypto';
import type { Engine, GenerationPiece, GenerationRequest, Request, RequestUsage } from '@plimsoll/engine';
import { type Clock, PlimsollError } from '@plimsoll/foundation';
import { ContextOverflow } from '../http/request-errors.ts';
import type { Call } from '../http/server-env.ts';
import type { GenerationMeter } from '../metrics/generation-meter.ts';
import type { GrammarLease } from './grammars.ts';

export interface GenerationInput
  extends Omit<GenerationRequest, 'signal' | 'tenant' | 'choices' | 'overflow' | 'grammar' | 'prompt'> {
  readonly prompt: ArrayLike<number>;
  readonly choices: number;
  /** The grammar of the answer; released when the request has ended. */
  readonly lease?: GrammarLease;
}

/** One request in the engine. */
export interface Generation {
  /** Streams the pieces of all choices; the caller reads them to the end. */
  readonly pieces: AsyncIterable<GenerationPiece>;
  readonly promptTokens: number;
  /** Seconds of the engine's clock. */
  readonly submittedAt: number;
  /** The time of this clock. */
  now(): number;
  /** Usage so far; final after the last piece. */
  usage(): RequestUsage;
  cancel(): void;
}

export interface GenerationParts {
  readonly engine: Engine;
  readonly meter: GenerationMeter;
  readonly clock: Clock;
}

export class Generations {
  readonly #parts: GenerationParts;

  constructor(parts: GenerationParts) {
    this.#parts = parts;
  }

  /** Submits a request of a call. Throws the engine's PlimsollError if it can never be served, or if the queue is full. */
  submit(input: GenerationInput, call: Call): Generation {
    const { meter, clock } = this.#parts;
    const submittedAt = clock.now();
    const request = this.#submit(input, call);
    call.releaseBody();
    call.requests.push(request);
    request.done.then(
      (usage) => meter.finished(usage, submittedAt),
      () => meter.failed(request.usage),
    );
    return {
      pieces: this.#measured(request, submittedAt),
      promptTokens: request.promptTokens,
      submittedAt,
      now: () => clock.now(),
      usage: () => request.usage,
      cancel: () => request.cancel(),
    };
  }

  /** Submits the requests of a call one after another. If one is refused, the earlier ones end. */
  submitAll(inputs: Iterable<GenerationInput>, call: Call): readonly Generation[] {
    const generations: Generation[] = [];
    try {
      for (const input of inputs) generations.push(this.submit(input, call));
      return generations;
    } catch (error) {
      for (const generation of generations) generation.cancel();
      throw error;
    }
  }

  #submit({ lease, ...input }: GenerationInput, call: Call): Request {
    const seed = input.sampling?.seed ?? randomInt(2 ** 32);
    try {
      const request = this.#parts.engine.submit({
        ...input,
        ...(lease !== undefined && { grammar: lease.grammar }),
        sampling: { ...input.sampling, seed },
        tenant: call.tenant,
        signal: call.signal,
      });
      const release = (): void => lease?.release();
      request.done.then(release, release);
      return request;
    } catch (error) {
      lease?.release();
      throw withSizes(error, {
        promptTokens: input.prompt.length,
        contextMax: this.#parts.engine.contextMax,
      });
    }
  }

  async *#measured(request: Request, submittedAt: number): AsyncGenerator<GenerationPiece, void, void> {
    const { meter, clock } = this.#parts;
    const lastAt: number[] = [];
    for await (const piece of request.pieces) {
      if (piece.token !== null) {
        const now = clock.now();
        const before = lastAt[piece.choice];
        if (before !== undefined) meter.interToken(now - before);
        else if (piece.choice === 0) meter.firstToken(now - submittedAt);
        lastAt[piece.choice] = now;
      }
      if (piece.end !== null) meter.ended(piece.end);
      yield piece;
    }
  }
}

function withSizes(
  error: unknown,
  sizes: { readonly promptTokens: number; readonly contextMax: number },
): unknown {
  const isOverflow = error instanceof PlimsollError && error.code === 'context-overflow';
  return isOverflow ? new ContextOverflow(error, sizes) : error;
}
