/** The accuracy that was asked of predicted speed, beside what is reached. */
import { statisticsOf, type Validation } from '@plimsoll/planner/validation';
import type { Comparison } from './figures.ts';
import { idOf, numberOf, objectOf, type RawRecord, textOf } from './log-file.ts';
import { percent, table, verdict } from './markdown.ts';

/** The year from which audited and vendor records are judged apart. */
const recentFrom = '2025';

export function speedTargets(
  records: readonly RawRecord[],
  validation: Validation,
  found: readonly Comparison[],
): string {
  const byId = new Map(records.map((record) => [idOf(record), record]));
  const figure = (field: string, holds: (record: RawRecord) => boolean = () => true): readonly number[] =>
    found
      .filter((comparison) => comparison.field === field && holds(byId.get(comparison.id) ?? {}))
      .map(({ error }) => error);
  const isRecent = (record: RawRecord): boolean =>
    tierOf(record) === 'A' && (textOf(record, 'date') ?? '') >= recentFrom;
  const medians: readonly (readonly [name: string, limit: number, errors: readonly number[]])[] = [
    ['TPOT', 0.15, figure('tpot_ms')],
    ['ITL', 0.15, figure('itl_ms')],
    ['output tokens/s', 0.15, figure('output_tokens_per_s')],
    [`output tokens/s, tier A from ${recentFrom} on`, 0.12, figure('output_tokens_per_s', isRecent)],
    ['total tokens/s', 0.15, figure('total_tokens_per_s')],
    ['E2E, TTFT + TPOT x (output - 1)', 0.15, endToEnd(records, validation)],
    ['TTFT', 0.3, figure('ttft_ms')],
  ];
  const rows = medians.map(([name, limit, errors]) => {
    const reached = errors.length === 0 ? Number.NaN : statisticsOf(errors).medianError;
    return [name, `<= ${percent(limit)}`, percent(reached), String(errors.length), verdict(reached <= limit)];
  });
  const judged = validation.records.filter(({ id }) => ['A', 'B'].includes(tierOf(byId.get(id) ?? {})));
  const share = judged.filter(({ supported }) => supported).length / judged.length;
  const supported = ['records of tiers A and B, supported', '>= 85 %', percent(share), String(judged.length)];
  return table(
    ['median error of', 'asked', 'reached', 'n', ''],
    [...rows, [...supported, verdict(share >= 0.85)]],
  );
}

/** Quality of a source, as the collectors of the records judged it: `tier=A` in the notes. */
function tierOf(record: RawRecord): string {
  return /tier=(\w)/.exec(textOf(record, 'notes') ?? '')?.[1] ?? '';
}

/** Errors of the whole time of a request, for records that state its first token and its time per token. */
function endToEnd(records: readonly RawRecord[], { records: answers }: Validation): readonly number[] {
  const answerOf = new Map(answers.map((answer) => [answer.id, answer]));
  return records.flatMap((record) => {
    const outputTokens = numberOf(objectOf(record, 'workload'), 'output_len');
    const answer = answerOf.get(idOf(record));
    if (outputTokens === null || answer?.supported !== true) return [];
    const seconds = (figures: RawRecord): number | null => {
      const [first, each] = [
        numberOf(figures, 'ttft_ms'),
        numberOf(figures, 'tpot_ms') ?? numberOf(figures, 'itl_ms'),
      ];
      return first === null || each === null ? null : first + each * (outputTokens - 1);
    };
    const [measured, predicted] = [seconds(objectOf(record, 'measured')), seconds(answer.predicted)];
    return measured === null || predicted === null ? [] : [predicted / measured - 1];
  });
}
