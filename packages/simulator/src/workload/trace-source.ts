/**
 * Replays recorded requests. Requests that wait for no answer come at their recorded times, at the times of a Poisson
 * process, or from a fixed number of clients; a later turn comes when the turns before it have ended and its recorded
 * pause is over.
 */
import { assert, defined } from '@plimsoll/foundation';
import type { Random } from '@plimsoll/foundation/random';
import { SessionFigures } from '../measurement/session-figures.ts';
import type { Arrivals, TracedRequest } from './arrivals.ts';
import type { ComingRequest, Followers, RequestSource } from './coming-request.ts';
import { exponential } from './distribution.ts';

type TraceArrivals = Extract<Arrivals, { kind: 'trace' }>;

/** A request that waits for no answer, and all requests that follow it. */
interface Conversation {
  readonly root: number;
  readonly size: number;
  startSeconds: number;
  /** Requests that have not ended. */
  left: number;
  hasRefusals: boolean;
}

export function traceSource(arrivals: TraceArrivals, random: Random): RequestSource {
  return new TraceReplay(arrivals, random);
}

class TraceReplay implements RequestSource {
  readonly isOpen: boolean;
  readonly hasFollowers: boolean;
  readonly sessions: SessionFigures | null;
  readonly #rows: readonly TracedRequest[];
  readonly #starts: TraceArrivals['starts'];
  readonly #random: Random;
  readonly #conversations: readonly Conversation[];
  /** Index of the conversation of each row. */
  readonly #conversationOf: readonly number[];
  /** Rows that wait for the end of a row. */
  readonly #waitersOf = new Map<number, number[]>();
  /** Rows that a row still waits for. */
  readonly #waitsFor: Uint32Array;
  readonly #lastEnd: Float64Array;
  #nextConversation = 0;
  /** Clients that have started. */
  #clients = 0;
  #clock = 0;

  constructor({ rows, starts }: TraceArrivals, random: Random) {
    this.#rows = rows;
    this.#starts = starts;
    this.#random = random;
    this.#waitsFor = new Uint32Array(rows.length);
    this.#lastEnd = new Float64Array(rows.length);
    const { conversations, conversationOf } = this.#link();
    this.#conversations = conversations;
    this.#conversationOf = conversationOf;
    const hasTurns = conversations.length < rows.length;
    const isClosed = starts?.kind === 'closed';
    this.isOpen = !isClosed;
    this.hasFollowers = hasTurns || isClosed;
    this.sessions = hasTurns ? new SessionFigures() : null;
  }

  next(): ComingRequest | null {
    const conversation = this.#conversations[this.#nextConversation];
    const starts = this.#starts;
    if (conversation === undefined) return null;
    if (starts?.kind === 'closed') return this.#clients++ < starts.clients ? this.#start(0) : null;
    if (starts === undefined) return this.#start(this.#rowAt(conversation.root).atSeconds);
    this.#clock += exponential(this.#random) / starts.requestsPerSecond;
    return this.#start(this.#clock);
  }

  #start(startSeconds: number): ComingRequest | null {
    const conversation = this.#conversations[this.#nextConversation];
    if (conversation === undefined) return null;
    this.#nextConversation++;
    conversation.startSeconds = startSeconds;
    return this.#requestOf(conversation.root, startSeconds);
  }

  #requestOf(index: number, atSeconds: number): ComingRequest {
    const { prompt, outputTokens } = this.#rowAt(index);
    return { atSeconds, prompt, outputTokens, followers: this.hasFollowers ? this.#end(index) : undefined };
  }

  #end(index: number): Followers {
    return ({ at, refused }) => {
      const coming: ComingRequest[] = [];
      const conversation = this.#conversation(index);
      for (const waiter of this.#waitersOf.get(index) ?? []) {
        this.#lastEnd[waiter] = Math.max(this.#lastEnd[waiter] ?? 0, at);
        const left = (this.#waitsFor[waiter] ?? 0) - 1;
        this.#waitsFor[waiter] = left;
        if (left === 0) coming.push(this.#requestOf(waiter, this.#turnAt(waiter, conversation)));
      }
      conversation.left--;
      conversation.hasRefusals ||= refused;
      if (conversation.left > 0) return coming;
      if (!conversation.hasRefusals) this.sessions?.add(at - conversation.startSeconds, conversation.size);
      const next = this.#starts?.kind === 'closed' ? this.#start(at) : null;
      return next === null ? coming : [...coming, next];
    };
  }

  /** A turn comes after its pause, and never before its recorded time in the conversation. */
  #turnAt(index: number, { root, startSeconds }: Conversation): number {
    const { atSeconds, follows } = this.#rowAt(index);
    const shift = startSeconds - this.#rowAt(root).atSeconds;
    return Math.max(atSeconds + shift, (this.#lastEnd[index] ?? 0) + (follows?.delaySeconds ?? 0));
  }

  #link(): { readonly conversations: Conversation[]; readonly conversationOf: number[] } {
    const roots: number[] = [];
    const sizes: number[] = [];
    const conversationOf: number[] = [];
    for (const [index, { follows }] of this.#rows.entries()) {
      const [first] = follows?.rows ?? [];
      const conversation = first === undefined ? roots.push(index) - 1 : conversationOf[first];
      assert(conversation !== undefined, 'a row follows earlier rows');
      conversationOf.push(conversation);
      sizes[conversation] = (sizes[conversation] ?? 0) + 1;
      this.#waitsFor[index] = follows?.rows.length ?? 0;
      for (const row of follows?.rows ?? []) {
        const waiters = this.#waitersOf.get(row);
        if (waiters === undefined) this.#waitersOf.set(row, [index]);
        else waiters.push(index);
      }
    }
    const conversations = roots.map((root, index) => {
      const size = sizes[index] ?? 0;
      return { root, size, startSeconds: 0, left: size, hasRefusals: false };
    });
    return { conversations, conversationOf };
  }

  #rowAt(index: number): TracedRequest {
    return defined(this.#rows[index], `the trace has row ${index}`);
  }

  #conversation(index: number): Conversation {
    return defined(this.#conversations[this.#conversationOf[index] ?? -1], `row ${index} has a conversation`);
  }
}
