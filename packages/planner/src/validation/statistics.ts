/** Error statistics of predictions against logs, and the figures with the largest errors. */
import type { RecordAnswer, ReportedValue } from '../engines/contract/log-record.ts';

export interface FieldStatistics {
  readonly count: number;
  /** Errors are shares of the reported value: 0.01 is one percent. */
  readonly medianError: number;
  readonly p90Error: number;
  readonly meanError: number;
  /** Mean of signed errors: above zero if predictions are too large. */
  readonly bias: number;
}

/** The error of one figure of one record. */
export interface FigureError {
  readonly id: string;
  readonly field: string;
  readonly predicted: number;
  readonly reported: number;
  /** (predicted - reported) / |reported|. `figureErrors` leaves out figures that the log reports as zero. */
  readonly error: number;
}

/** Computes the error of every comparable figure; maps (buffers by device) are compared by their sum. */
export function figureErrors(answers: readonly RecordAnswer[]): readonly FigureError[] {
  return answers.flatMap((answer) =>
    Object.entries(answer.reported).flatMap(([field, value]): readonly FigureError[] => {
      const reported = amountOf(value);
      const predicted = amountOf(sameParts(answer.predicted[field] ?? null, value));
      if (!answer.supported || reported === null || predicted === null || reported === 0) return [];
      return [
        { id: answer.id, field, predicted, reported, error: (predicted - reported) / Math.abs(reported) },
      ];
    }),
  );
}

/**
 * Keeps the predicted buffers that the log also prints, because an excerpt may show only some; keeps all if names
 * differ.
 */
function sameParts(predicted: ReportedValue, reported: ReportedValue): ReportedValue {
  if (predicted === null || typeof predicted === 'number') return predicted;
  if (reported === null || typeof reported === 'number') return predicted;
  const shared = Object.entries(predicted).filter(([name]) => name in reported);
  return shared.length === Object.keys(reported).length ? Object.fromEntries(shared) : predicted;
}

function amountOf(value: ReportedValue): number | null {
  if (typeof value === 'number') return value;
  if (value === null) return null;
  const parts = Object.values(value).filter((part) => typeof part === 'number');
  return parts.length === 0 ? null : parts.reduce((sum, part) => sum + part, 0);
}

/** Groups errors by field and computes the statistics of each group. */
export function fieldStatistics(errors: readonly FigureError[]): Readonly<Record<string, FieldStatistics>> {
  const byField = new Map<string, number[]>();
  for (const { field, error } of errors) byField.set(field, [...(byField.get(field) ?? []), error]);
  return Object.fromEntries([...byField].map(([field, values]) => [field, statisticsOf(values)]));
}

/** Computes statistics of signed relative errors; all are 0 for an empty list. */
export function statisticsOf(values: readonly number[]): FieldStatistics {
  const absolute = values.map(Math.abs).sort((a, b) => a - b);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, value) => total + value, 0);
  return {
    count: values.length,
    medianError: quantile(absolute, 0.5),
    p90Error: quantile(absolute, 0.9),
    meanError: sum(absolute) / Math.max(1, values.length),
    bias: sum(values) / Math.max(1, values.length),
  };
}

/** Interpolates linearly between order statistics (type 7, as numpy and R do). `sorted` ascends; 0 if it is empty. */
export function quantile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) return 0;
  const position = (sorted.length - 1) * share;
  const low = sorted[Math.floor(position)] ?? 0;
  const high = sorted[Math.ceil(position)] ?? low;
  return low + (high - low) * (position - Math.floor(position));
}

/** Returns the largest errors, one figure per record: one cause usually affects several figures of a record. */
export function worstFigures(errors: readonly FigureError[], count: number): readonly FigureError[] {
  const worst = new Map<string, FigureError>();
  for (const figure of errors) {
    const known = worst.get(figure.id);
    if (known === undefined || Math.abs(figure.error) > Math.abs(known.error)) worst.set(figure.id, figure);
  }
  return [...worst.values()].sort((a, b) => Math.abs(b.error) - Math.abs(a.error)).slice(0, count);
}
