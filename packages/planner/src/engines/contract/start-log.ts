/**
 * Figures of a start-up log and the figures of a plan to compare them with, in the form in which an engine's folder
 * lists them.
 */
import type { LedgerCategory } from '../../bytes/ledger.ts';

/** One figure that an engine prints. */
export interface StartLogFigure {
  readonly figure: 'weights' | 'activations' | 'outside' | 'kvCache' | 'kvTokens' | 'concurrency';
  readonly unit: 'GiB' | 'tokens' | 'times';
  /** Fixed words with a `#` for each number; releases use different words. The last number is the figure. */
  readonly forms: readonly string[];
  /** `sum` if the figure is the sum of all numbers. Default: the last number. */
  readonly counts?: 'sum';
  /**
   * True if the first number is the context for which the engine counted the figure; it holds for that context alone.
   */
  readonly startsWithContext?: boolean;
  /** The figure of the plan to compare with. */
  readonly planned: PlannedFigure;
}

/** Bytes of ledger entries, or a figure that follows from the pool. */
export type PlannedFigure =
  | { readonly category: LedgerCategory; readonly tag?: string }
  | 'poolBytes'
  | 'kvTokens'
  | 'concurrency';

/** Returns the figure of a line with these numbers; null for a line without numbers. */
export function figureOf(values: readonly number[], counts: StartLogFigure['counts']): number | null {
  const last = values.at(-1) ?? null;
  return counts === 'sum' && last !== null ? values.reduce((sum, value) => sum + value, 0) : last;
}
