/** Collects the requests of a trace in the order of the file, and links the turns of its sessions. */
import type { TracedRequest } from './arrivals.ts';

/** A session of the trace, up to its last turn. */
export interface TracedSession {
  /** Content id of the tokens that no other session shares. */
  readonly restId: number;
  /** Index of the last turn. */
  readonly row: number;
  readonly atSeconds: number;
  /** Tokens of the conversation, the last answer included. */
  readonly tokens: number;
}

/** Content ids of sessions start here; ids of a file are smaller. */
const sessionIdsStart = 2 ** 52;

export class TraceRows {
  readonly #rows: TracedRequest[] = [];
  readonly #sessions = new Map<string, TracedSession>();

  get length(): number {
    return this.#rows.length;
  }

  /** The session by the name that the file gives it; undefined before its first turn. */
  session(name: string): TracedSession | undefined {
    return this.#sessions.get(name);
  }

  /** A content id for a session that has no turn yet. */
  nextSessionId(): number {
    return sessionIdsStart + this.#sessions.size;
  }

  add(row: TracedRequest): void {
    this.#rows.push(row);
  }

  /** Adds a turn of a session. */
  addTurn(name: string, row: TracedRequest): void {
    const { atSeconds, prompt, outputTokens } = row;
    const restId = this.#sessions.get(name)?.restId ?? this.nextSessionId();
    this.#sessions.set(name, {
      restId,
      row: this.#rows.length,
      atSeconds,
      tokens: prompt.length + outputTokens,
    });
    this.#rows.push(row);
  }

  /** The requests in the order of their times, which count from the first one. */
  sorted(): readonly TracedRequest[] {
    const order = this.#rows.map((row, index) => ({ row, index }));
    // The sort is stable, so a turn stays after the turns that it follows.
    order.sort((left, right) => left.row.atSeconds - right.row.atSeconds);
    const start = order[0]?.row.atSeconds ?? 0;
    const places = new Uint32Array(order.length);
    for (const [place, { index }] of order.entries()) places[index] = place;
    return order.map(({ row: { follows, ...row } }) => ({
      ...row,
      atSeconds: row.atSeconds - start,
      ...(follows !== undefined && {
        follows: { ...follows, rows: follows.rows.map((index) => places[index] ?? 0) },
      }),
    }));
  }
}
