/**
 * Where the requests of a run come from. A source gives the requests that wait for no answer, one at a time in the order
 * of their times; the end of a request may make further requests come: the next request of a client, the next turn of a
 * conversation.
 */
import type { SessionFigures } from '../measurement/session-figures.ts';
import type { DrawnRequest } from './workload.ts';

export interface RequestEnd {
  readonly at: number;
  /** True if the scheduler refused the request, or if it failed with its replica. */
  readonly refused: boolean;
}

export type Followers = (end: RequestEnd) => readonly ComingRequest[];

export interface ComingRequest extends DrawnRequest {
  readonly atSeconds: number;
  /** Returns the requests that come because this one has ended. Undefined if none waits for it. */
  readonly followers?: Followers | undefined;
}

export interface RequestSource {
  /** True if requests come whatever the answers do, so that a queue can grow without end. */
  readonly isOpen: boolean;
  /** True if requests have followers. */
  readonly hasFollowers: boolean;
  /** Figures of whole sessions; null if requests stand alone. */
  readonly sessions: SessionFigures | null;
  /** Returns the next request that waits for no answer; null if there is none. */
  next(): ComingRequest | null;
}
