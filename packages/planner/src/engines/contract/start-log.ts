/** Figures of a start-up log and what a plan says of the same: the form in which an engine's folder lists them. */
import type { LedgerCategory } from '../../bytes/ledger.ts';

/** One figure that an engine prints. */
export interface StartLogFigure {
  readonly figure: 'weights' | 'activations' | 'outside' | 'kvCache' | 'kvTokens' | 'concurrency';
  readonly unit: 'GiB' | 'tokens' | 'times';
  /** Fixed words with a `#` where a number stands; releases word it differently. The last number is the figure. */
  readonly forms: readonly string[];
  /** Whether the first number is the context that the figure was counted for: it holds for that context alone. */
  readonly startsWithContext?: boolean;
  /** What of the plan it is compared with. */
  readonly planned: PlannedFigure;
}

/** Bytes of ledger entries, or one of the figures that are counted from the pool. */
export type PlannedFigure =
  | { readonly category: LedgerCategory; readonly tag?: string }
  | 'poolBytes'
  | 'kvTokens'
  | 'concurrency';
