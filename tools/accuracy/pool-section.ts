/** The sections of the report for the engines whose records state memory before the cache: SGLang and TensorRT-LLM. */
import type { Validation } from '@plimsoll/planner/validation';
import { causeFinder } from './causes.ts';
import { byField, type Comparison, compare, type Figures, statistics, worst } from './figures.ts';
import { type RawRecord, textOf } from './log-file.ts';
import { percent, statisticsCells, statisticsHeader, table, worstList } from './markdown.ts';
import { unsupportedPart } from './vllm-section.ts';

export interface PoolComparisons {
  /** Figures that start from the memory that the log prints. */
  readonly given: readonly Comparison[];
  /** Tokens of the cache that start from the memory that the log prints, if the record names the model and the card. */
  readonly givenTokens: readonly Comparison[];
  /** Figures that start from the record's inputs alone. */
  readonly endToEnd: readonly Comparison[];
}

export interface PoolEngine {
  readonly title: string;
  readonly records: readonly RawRecord[];
  readonly validation: Validation;
  readonly found: PoolComparisons;
}

export function poolComparisons(records: readonly RawRecord[], validation: Validation): PoolComparisons {
  const answers = validation.records.filter(({ supported }) => supported);
  const predicted = new Map<string, Figures>(answers.map((answer) => [answer.id, answer.predicted]));
  const endToEnd = new Map<string, Figures>();
  for (const answer of answers) if ('endToEnd' in answer) endToEnd.set(answer.id, answer.endToEnd as Figures);
  const given = compare(records, predicted);
  return {
    given,
    givenTokens: given.filter(({ id, field }) => field === 'kv_tokens' && endToEnd.has(id)),
    endToEnd: compare(records, endToEnd),
  };
}

export function poolSection({ title, records, validation, found }: PoolEngine): string {
  const count = (key: string): number => new Set(records.map((record) => textOf(record, key))).size;
  const fields = [...byField(found.given)];
  const cells = (comparisons: readonly Comparison[], field: string): readonly string[] => {
    const part = statistics(comparisons.filter((comparison) => comparison.field === field));
    return part === null
      ? ['0', '', '']
      : [String(part.count), percent(part.medianError), percent(part.p90Error)];
  };
  const whole = [...byField(found.endToEnd).keys()];
  return [
    `## ${title} start-up logs`,
    `${records.length} records, ${validation.summary.supported} supported; ${count('model')} models, ${count('gpu')} devices. Most records are excerpts: many state neither the release nor all flags.`,
    'Figures that start from the memory that a log prints before the cache, or that do not depend on it:',
    table(
      ['figure', ...statisticsHeader],
      fields.map(([field, errors]) => [`\`${field}\``, ...statisticsCells(statistics(errors))]),
    ),
    ...(whole.length === 0
      ? []
      : [
          "Figures that start from a record's inputs alone, if it names the model and the card:",
          table(
            ['figure', 'end to end: n', 'median', 'p90'],
            whole.map((field) => [`\`${field}\``, ...cells(found.endToEnd, field)]),
          ),
        ]),
    '### The worst records',
    'By the tokens and the size of the cache, from the memory that the log prints:',
    worstList(
      worst(
        found.given.filter(
          ({ field, error }) => ['kv_tokens', 'kv_gib'].includes(field) && Math.abs(error) > 0.01,
        ),
        15,
      ),
      causeFinder(validation.records),
    ),
    ...undeterminedPart(validation),
    ...unsupportedPart(validation),
  ].join('\n\n');
}

/** Records that omit what decides their pools: their figures are missing above, so each reason is listed. */
function undeterminedPart({ summary }: Validation): readonly string[] {
  if (summary.undetermined.length === 0) return [];
  return [
    '### Not compared',
    'These records omit a flag, a draft model, a release or other programs that decide their figures, as the log itself shows. `validate` leaves the figures out and names the reason:',
    summary.undetermined.map(({ id, reason }) => `- **${id}**: ${reason}`).join('\n'),
  ];
}
