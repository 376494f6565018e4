/** Makes the source of a workload's requests: single requests, sessions, or a recorded trace. */
import type { Random } from '@plimsoll/foundation/random';
import { SessionFigures } from '../measurement/session-figures.ts';
import { type Arrivals, gapSampler } from './arrivals.ts';
import type { ComingRequest, Followers, RequestSource } from './coming-request.ts';
import { sampler } from './distribution.ts';
import { type DrawnSession, sessionSampler } from './sessions.ts';
import { traceSource } from './trace-source.ts';
import { randomFor, requestSampler, type Workload } from './workload.ts';

export function requestSource(workload: Workload): RequestSource {
  const { arrivals } = workload;
  if (arrivals.kind === 'trace') return traceSource(arrivals, randomFor(workload.seed, 'arrivals'));
  const starts = arrivals.kind === 'closed' ? clientStarts(arrivals.clients) : openStarts(arrivals, workload);
  const budget: Budget = { left: workload.requests };
  const pauses = clientPauses(workload);
  const { session = null } = workload;
  if (session === null) return singleRequests(workload, { starts, budget, pauses });
  return sessionRequests(sessionSampler(workload, session), { starts, budget, pauses });
}

/** Requests that may still come. */
interface Budget {
  left: number;
}

interface Timing {
  /** Returns the next start that waits for no answer; null after the last. */
  readonly starts: () => number | null;
  readonly budget: Budget;
  /** Returns the seconds until a client starts again; null if starts do not wait for answers. */
  readonly pauses: (() => number) | null;
}

function openStarts(
  arrivals: Exclude<Arrivals, { kind: 'closed' | 'trace' }>,
  { seed }: Workload,
): Timing['starts'] {
  const gap = gapSampler(arrivals);
  const random = randomFor(seed, 'arrivals');
  let clock = 0;
  return () => {
    clock += gap(random);
    return clock;
  };
}

function clientStarts(clients: number): Timing['starts'] {
  let started = 0;
  return () => (started++ < clients ? 0 : null);
}

function clientPauses({ arrivals, seed }: Workload): Timing['pauses'] {
  if (arrivals.kind !== 'closed') return null;
  const think = sampler(arrivals.thinkSeconds);
  const random: Random = randomFor(seed, 'arrivals');
  return () => think(random);
}

function singleRequests(workload: Workload, { starts, budget, pauses }: Timing): RequestSource {
  const draw = requestSampler(workload);
  const followers: Followers | undefined =
    pauses === null
      ? undefined
      : ({ at }) => {
          const request = requestAt(at + pauses());
          return request === null ? [] : [request];
        };
  const requestAt = (atSeconds: number | null): ComingRequest | null => {
    if (atSeconds === null || budget.left === 0) return null;
    budget.left--;
    const { prompt, outputTokens } = draw();
    return { atSeconds, prompt, outputTokens, followers };
  };
  return {
    isOpen: pauses === null,
    hasFollowers: pauses !== null,
    sessions: null,
    next: () => (budget.left === 0 ? null : requestAt(starts())),
  };
}

function sessionRequests(draw: () => DrawnSession, { starts, budget, pauses }: Timing): RequestSource {
  const figures = new SessionFigures();
  const startAt = (startSeconds: number | null): ComingRequest | null => {
    if (startSeconds === null || budget.left === 0) return null;
    const session = draw();
    let turns = 0;
    const turnAt = (atSeconds: number): ComingRequest => {
      budget.left--;
      turns++;
      const { prompt, outputTokens } = session.request();
      return { atSeconds, prompt, outputTokens, followers };
    };
    const followers: Followers = ({ at, refused }) => {
      // A server that refuses a conversation refuses its longer continuations too.
      const pause = refused ? null : session.pauseSeconds();
      if (pause !== null) return budget.left === 0 ? [] : [turnAt(at + pause)];
      if (!refused) figures.add(at - startSeconds, turns);
      const next = pauses === null ? null : startAt(at + pauses());
      return next === null ? [] : [next];
    };
    return turnAt(startSeconds);
  };
  return {
    isOpen: pauses === null,
    hasFollowers: true,
    sessions: figures,
    next: () => (budget.left === 0 ? null : startAt(starts())),
  };
}
