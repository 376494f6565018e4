/** What a session is made of, besides its first prompt and its answers. */
import type { Distribution } from './distribution.ts';

export interface SessionShape {
  /** Turns of the user in a session. */
  readonly turns: Distribution;
  /** New tokens of each turn after the first. */
  readonly prompt: Distribution;
  /** Seconds between an answer and the next turn. */
  readonly thinkSeconds: Distribution;
  readonly tools: ToolShape | null;
  /** A session ends before a request whose prompt and answer would be longer. */
  readonly contextMax: number;
}

/** Tools that an agent calls before it answers a turn. */
export interface ToolShape {
  /** Calls in a turn, one after another. */
  readonly calls: Distribution;
  /** Tokens of a call; null for the distribution of all outputs. */
  readonly output: Distribution | null;
  /** Tokens of a result. */
  readonly result: Distribution;
  readonly waitSeconds: Distribution;
}
