/** The cause of an error, as far as the record tells: the term of the sum that differs most, and the assumptions. */
import type { RecordAnswer, ReportedFields } from '../engines/contract/log-record.ts';
import type { FigureError } from './statistics.ts';

/** The terms of vLLM's available cache: an error in one of them moves the cache by the same amount. */
const parts = ['weights_gib', 'peak_activation_gib', 'non_torch_gib', 'total_gpu_gib'] as const;

/** Explains an error in one line; `unknown` without an answer. */
export function causeOf(figure: FigureError, answer: RecordAnswer | undefined): string {
  if (answer === undefined) return 'unknown';
  const part = largestDifference(answer.predicted, answer.reported);
  const assumed = answer.assumptions ?? [];
  const causes: string[] = [];
  if (part !== null && figure.field !== part.name) {
    causes.push(
      `${part.name} is predicted as ${part.predicted.toFixed(2)} and printed as ${part.reported.toFixed(2)}`,
    );
  }
  causes.push(...assumed.slice(0, 3));
  return causes.length === 0 ? 'the record does not explain the error' : causes.join('; ');
}

function largestDifference(
  predicted: ReportedFields,
  reported: ReportedFields,
): { readonly name: string; readonly predicted: number; readonly reported: number } | null {
  let found: { name: string; predicted: number; reported: number } | null = null;
  for (const name of parts) {
    const ours = predicted[name];
    const theirs = reported[name];
    if (typeof ours !== 'number' || typeof theirs !== 'number') continue;
    const isLarger = found === null || Math.abs(ours - theirs) > Math.abs(found.predicted - found.reported);
    // Logs round to a hundredth of a GiB.
    if (isLarger && Math.abs(ours - theirs) > 0.02) found = { name, predicted: ours, reported: theirs };
  }
  return found;
}
