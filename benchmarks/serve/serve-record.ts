/** The results of one run of the serving benchmark. Times are seconds. */
import type { RunDescription } from '../record/run-description.ts';
import type { ServerName } from './servers.ts';

export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** Shares of the time in which the engine had work. They add up to 1. */
export interface StepShares {
  /** Between two steps: HTTP, JSON, event streams, and the event loop. */
  readonly between: number;
  /** Step planning. */
  readonly plan: number;
  /** The model, without its head. */
  readonly compute: number;
  /** The model's head, sampling, texts of tokens, and the commit. */
  readonly sample: number;
}

/** One turn of one case on one server. */
export interface TurnFigures {
  readonly seconds: number;
  readonly outputTokensPerSecond: number;
  readonly requestsPerSecond: number;
  readonly firstTokenSeconds: Spread;
  /** Time between two events with text of one answer. */
  readonly gapSeconds: Spread;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly rssBytes: number;
  /** Processor time of the load generator as a share of one core. */
  readonly clientShare: number;
  /** Absent for servers that do not report their steps. */
  readonly steps?: { readonly count: number; readonly secondsMean: number; readonly shares: StepShares };
}

export interface CaseResult {
  readonly model: string;
  readonly loadCase: string;
  /** One entry per turn, in the order of the turns. */
  readonly turns: Readonly<Partial<Record<ServerName, readonly TurnFigures[]>>>;
}

/** Version and command of a server, or the reason why it did not run. */
export type ServerNote =
  | { readonly version: string; readonly command: string }
  | { readonly leftOut: string };

export interface ServeRecord {
  readonly run: RunDescription;
  readonly settings: {
    readonly threads: number;
    readonly turns: number;
    readonly slots: number;
    readonly context: number;
  };
  readonly servers: Readonly<Partial<Record<ServerName, ServerNote>>>;
  /** Explanation of each case, by its name. */
  readonly cases: Readonly<Record<string, string>>;
  readonly results: readonly CaseResult[];
  /** The error that ended a model's turns, by the name of the model. */
  readonly failures: Readonly<Record<string, string>>;
}
