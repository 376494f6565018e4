/** Compares any program's predictions with the figures of logs, record by record and as statistics. */
import { type FieldStatistics, statisticsOf } from '@plimsoll/planner/validation';
import { idOf, objectOf, type RawRecord } from './log-file.ts';

/** Predicted figures by field; undefined or null if the program has no answer. Maps (buffers by device) are summed. */
export type Figures = Readonly<Record<string, unknown>>;

/** Predicted figures by record id. */
export type Predictions = ReadonlyMap<string, Figures>;

export interface Comparison {
  readonly id: string;
  readonly field: string;
  readonly predicted: number;
  readonly reported: number;
  /** (predicted - reported) / |reported|. */
  readonly error: number;
}

export function compare(
  records: readonly RawRecord[],
  predictions: Predictions,
  fields?: readonly string[],
): readonly Comparison[] {
  return records.flatMap((record) => {
    const id = idOf(record);
    const predicted = predictions.get(id) ?? {};
    const log = reportedOf(record);
    return (fields ?? Object.keys(log)).flatMap((field) => {
      const theirs = amountOf(log[field]);
      const ours = amountOf(predicted[field]);
      if (theirs === null || ours === null || theirs === 0) return [];
      return [{ id, field, predicted: ours, reported: theirs, error: (ours - theirs) / Math.abs(theirs) }];
    });
  });
}

export function reportedOf(record: RawRecord): RawRecord {
  return objectOf(record, 'measured' in record ? 'measured' : 'reported');
}

export function amountOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'object' || value === null) return null;
  const parts = Object.values(value).filter((part): part is number => typeof part === 'number');
  return parts.length === 0 ? null : parts.reduce((sum, part) => sum + part, 0);
}

/** Returns null if there is nothing to compare. */
export function statistics(comparisons: readonly Comparison[]): FieldStatistics | null {
  return comparisons.length === 0 ? null : statisticsOf(comparisons.map(({ error }) => error));
}

export function byField(comparisons: readonly Comparison[]): ReadonlyMap<string, readonly Comparison[]> {
  return Map.groupBy(comparisons, ({ field }) => field);
}

/** Returns the largest errors, at most one per record: one cause usually affects several figures of a record. */
export function worst(comparisons: readonly Comparison[], count: number): readonly Comparison[] {
  const perRecord = new Map<string, Comparison>();
  for (const comparison of comparisons) {
    const known = perRecord.get(comparison.id);
    if (known === undefined || Math.abs(comparison.error) > Math.abs(known.error)) {
      perRecord.set(comparison.id, comparison);
    }
  }
  return [...perRecord.values()].sort((a, b) => Math.abs(b.error) - Math.abs(a.error)).slice(0, count);
}
