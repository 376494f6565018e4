/**
 * A request as its caller sees it: pieces to read, a way to cancel, and what it used. Pieces wait in a bounded queue. A
 * reader that falls behind pauses its own request, never the engine: the loop leaves the request out of its steps until
 * half of the queue has been read.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { SequenceView } from '@plimsoll/serving';
import type { GenerationPiece } from './generation.ts';
import type { RequestUsage } from './request-usage.ts';

/** What a request asks of the loop. */
export interface RequestOwner {
  /** Takes the request's sequences out of the scheduler and frees their blocks, at once. */
  remove(request: Request): void;
  /** The reader caught up. */
  resume(request: Request): void;
}

/** Pieces that wait for a reader at most; a step may add what it has sampled on top. */
const piecesMax = 256;

export class Request {
  readonly promptTokens: number;
  /** Resolves when the last piece was made, and rejects with what ended the request early. Pieces have to be read. */
  readonly done: Promise<RequestUsage>;
  readonly #owner: RequestOwner;
  #queue: GenerationPiece[] = [];
  #choicesLeft: number;
  #end: { readonly error: unknown } | 'complete' | null = null;
  #isPaused = false;
  #wakeReader: (() => void) | null = null;
  #settle: { resolve(usage: RequestUsage): void; reject(error: unknown): void };
  /** The sequence of the first choice, which the prompt's figures are read from. */
  #first: SequenceView | null = null;
  readonly #counts = { outputTokens: 0, preemptions: 0 };
  #finishedAt: number | null = null;

  constructor(parts: {
    readonly promptTokens: number;
    readonly choices: number;
    readonly owner: RequestOwner;
  }) {
    this.promptTokens = parts.promptTokens;
    this.#choicesLeft = parts.choices;
    this.#owner = parts.owner;
    const { promise, resolve, reject } = Promise.withResolvers<RequestUsage>();
    this.#settle = { resolve, reject };
    this.done = promise;
    // A caller may read the error from the pieces alone.
    promise.catch(() => undefined);
  }

  /** A snapshot; final once `done` has settled. */
  get usage(): RequestUsage {
    const first = this.#first;
    const admittedAt = first?.admittedAt ?? null;
    return {
      promptTokens: this.promptTokens,
      cachedTokens: first?.cachedTokens ?? 0,
      ...this.#counts,
      queuedSeconds: first === null || admittedAt === null ? null : admittedAt - first.submittedAt,
      firstTokenAt: first?.firstTokenAt ?? null,
      finishedAt: this.#finishedAt,
    };
  }

  /** The queue is full; the loop pauses the sequences. */
  get isBehind(): boolean {
    if (this.#queue.length >= piecesMax) this.#isPaused = true;
    return this.#isPaused;
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  /** The pieces of all choices as they come. Leaving the loop early cancels the request. */
  get pieces(): AsyncIterableIterator<GenerationPiece, void, void> {
    return this.#read();
  }

  /** Ends the request now: its blocks are free when this returns. A reader gets `reason` as an error, at once. */
  cancel(reason: unknown = cancelled()): void {
    if (this.#end !== null) return;
    this.#queue = [];
    this.fail(reason);
  }

  // From here on: what the loop and the request's choices call.

  began(sequence: SequenceView): void {
    this.#first ??= sequence;
  }

  /** A sequence of the request left the scheduler. */
  left({ preemptionCount, finishedAt }: SequenceView): void {
    this.#counts.preemptions += preemptionCount;
    this.#finishedAt = finishedAt ?? this.#finishedAt;
  }

  push(piece: GenerationPiece): void {
    if (this.#end !== null) return;
    this.#queue.push(piece);
    if (piece.token !== null) this.#counts.outputTokens++;
    if (piece.end !== null) this.#choicesLeft--;
    this.#wake();
  }

  /** All of a step's pieces are here, and its sequences have left: settles a request whose choices have all ended. */
  settle(): void {
    if (this.#choicesLeft > 0 || this.#end !== null) return;
    this.#end = 'complete';
    this.#settle.resolve(this.usage);
    this.#wake();
  }

  fail(error: unknown): void {
    if (this.#end !== null) return;
    this.#end = { error };
    this.#owner.remove(this);
    this.#settle.reject(error);
    this.#wake();
  }

  async *#read(): AsyncGenerator<GenerationPiece, void, void> {
    try {
      while (true) {
        const pieces = this.#take();
        yield* pieces;
        if (this.#queue.length > 0) continue;
        const end = this.#end;
        if (end === 'complete') return;
        if (end !== null) throw end.error;
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    } finally {
      this.cancel();
    }
  }

  #take(): readonly GenerationPiece[] {
    const taken = this.#queue.splice(0, piecesMax / 2);
    if (this.#isPaused && this.#queue.length < piecesMax / 2) {
      this.#isPaused = false;
      this.#owner.resume(this);
    }
    return taken;
  }

  #wake(): void {
    this.#wakeReader?.();
    this.#wakeReader = null;
  }
}

function cancelled(): PlimsollError {
  return new PlimsollError({
    code: 'request-cancelled',
    message: 'the request was cancelled by its caller',
    hint: 'submit it again to get an answer',
  });
}
