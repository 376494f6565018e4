/**
 * A submitted request: its caller reads pieces, can cancel, and gets the usage. Pieces wait in a bounded queue. A
 * reader that is too slow pauses its own request, never the engine: the loop excludes the request from steps until half
 * of the queue has been read.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { SequenceView } from '@plimsoll/serving';
import type { GenerationPiece } from './generation.ts';
import type { RequestUsage } from './request-usage.ts';

/** The calls from a request to the loop. */
export interface RequestOwner {
  /** Removes the request's sequences from the scheduler and frees their blocks, at once. */
  remove(request: Request): void;
  /** Resumes the request, whose reader has caught up. */
  resume(request: Request): void;
}

/** Queue length at which a request pauses. The current step may still add its pieces. */
const piecesMax = 256;

export class Request {
  readonly promptTokens: number;
  /**
   * Resolves with the last piece; rejects with the error that ended the request early. The caller must read the pieces:
   * a full queue pauses the request.
   */
  readonly done: Promise<RequestUsage>;
  readonly #owner: RequestOwner;
  #queue: GenerationPiece[] = [];
  #choicesLeft: number;
  #end: { readonly error: unknown } | 'complete' | null = null;
  #isPaused = false;
  #wakeReader: (() => void) | null = null;
  #settle: { resolve(usage: RequestUsage): void; reject(error: unknown): void };
  /** The sequence of the first choice; it has the figures of the prompt. */
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
    // Without this handler, a caller that only reads pieces gets an unhandled rejection.
    promise.catch(() => undefined);
  }

  /** A snapshot of the usage. It is final once `done` has settled. */
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

  /** True from a full queue until half of it has been read; the loop then pauses the sequences. */
  get isBehind(): boolean {
    if (this.#queue.length >= piecesMax) this.#isPaused = true;
    return this.#isPaused;
  }

  get isOver(): boolean {
    return this.#end !== null;
  }

  /** Streams the pieces of all choices. A caller that stops early cancels the request. */
  get pieces(): AsyncIterableIterator<GenerationPiece, void, void> {
    return this.#read();
  }

  /** Cancels the request. Its blocks are free when this returns, and its reader gets `reason` as an error, at once. */
  cancel(reason: unknown = cancelled()): void {
    if (this.#end !== null) return;
    this.#queue = [];
    this.fail(reason);
  }

  // The loop and the completions call the methods below.

  began(sequence: SequenceView): void {
    this.#first ??= sequence;
  }

  /** Called when a sequence of the request has left the scheduler. */
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

  /** Settles the request if all its choices have ended. Called after a choice's last piece. */
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
