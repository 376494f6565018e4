/** The vLLM section of the report: fields, sources of the constants, conditional figures, worst cases. */
import type { Validation } from '@plimsoll/planner/validation';
import { causeFinder } from './causes.ts';
import {
  amountOf,
  byField,
  type Comparison,
  compare,
  type Figures,
  reportedOf,
  statistics,
  worst,
} from './figures.ts';
import { fittedSources } from './fitted-constants.ts';
import { idOf, numberOf, type RawRecord, textOf } from './log-file.ts';
import { percent, statisticsCells, statisticsHeader, table, worstList } from './markdown.ts';

/** Figures that follow from memory alone, then those that follow from the size of the cache. */
const memoryFields = [
  'weights_gib',
  'kv_cache_gib',
  'peak_activation_gib',
  'non_torch_gib',
  'cuda_graph_gib',
  'total_gpu_gib',
];
const cacheFields = ['kv_tokens', 'gpu_blocks', 'max_concurrency'];
/** The figures that decide a plan; the others are parts of them. */
const planFields = ['weights_gib', 'kv_cache_gib', 'peak_activation_gib', ...cacheFields];

export interface VllmComparisons {
  readonly memory: readonly Comparison[];
  /** Tokens, blocks and concurrency for the cache size that the log states. */
  readonly givenCache: readonly Comparison[];
  /** Tokens, blocks and concurrency for the predicted cache size. */
  readonly endToEnd: readonly Comparison[];
  /** Available cache of logs that state their utilisation. */
  readonly knownUtilization: readonly Comparison[];
}

export function vllmComparisons(records: readonly RawRecord[], validation: Validation): VllmComparisons {
  const answers = validation.records.filter((answer) => answer.supported);
  const predicted = new Map<string, Figures>(answers.map((answer) => [answer.id, answer.predicted]));
  const endToEnd = new Map<string, Figures>(
    answers.map((answer) => [answer.id, 'endToEnd' in answer ? (answer.endToEnd as Figures) : {}]),
  );
  const statesCache = records.filter((record) => numberOf(reportedOf(record), 'kv_cache_gib') !== null);
  const statesUtilization = records.filter((record) => numberOf(record, 'gpu_memory_utilization') !== null);
  return {
    memory: compare(records, predicted, memoryFields),
    givenCache: compare(statesCache, predicted, cacheFields),
    endToEnd: compare(records, endToEnd, cacheFields),
    knownUtilization: compare(statesUtilization, predicted, ['kv_cache_gib']),
  };
}

export function vllmSection(
  records: readonly RawRecord[],
  validation: Validation,
  found: VllmComparisons,
): string {
  const all = [...found.memory, ...found.givenCache];
  const unconditional = found.endToEnd.filter(
    ({ id }) => !found.givenCache.some((comparison) => comparison.id === id),
  );
  const releases = new Set(records.map((record) => textOf(record, 'vllm_version') ?? 'not stated'));
  return [
    '## vLLM start-up logs',
    `${records.length} records, ${validation.summary.supported} supported; ${new Set(records.map((record) => textOf(record, 'model'))).size} models, ${new Set(records.map((record) => textOf(record, 'gpu'))).size} devices, ${releases.size - 1} stated releases (${records.filter((record) => textOf(record, 'vllm_version') === null).length} records state none).`,
    table(['figure', ...statisticsHeader], fieldRows(found.memory)),
    'What the cache holds, for the number of GiB that the log states (the arithmetic of blocks alone), and end to end from the cache size that the plan itself arrives at:',
    table(
      ['figure', 'given GiB: n', 'median', 'p90', 'end to end: n', 'median', 'p90'],
      cacheFields.map((field) => [
        `\`${field}\``,
        ...shortCells(found.givenCache, field),
        ...shortCells(found.endToEnd, field),
      ]),
    ),
    '### Logs that constants were fitted to, and the others',
    originText(records),
    originTable(records, found),
    '### The worst records',
    "By the figures a plan stands or falls with: weights, available cache, activation peak, tokens, blocks, concurrency. The cache figures of records that state no GiB are from the plan's own cache size.",
    worstList(
      worst(
        [...all, ...unconditional].filter(({ field }) => planFields.includes(field)),
        25,
      ),
      causeFinder(validation.records),
    ),
    ...unsupportedPart(validation),
  ].join('\n\n');
}

function fieldRows(comparisons: readonly Comparison[]): readonly (readonly string[])[] {
  return [...byField(comparisons)].map(([field, errors]) => [
    `\`${field}\``,
    ...statisticsCells(statistics(errors)),
  ]);
}

function shortCells(comparisons: readonly Comparison[], field: string): readonly string[] {
  const found = statistics(comparisons.filter((comparison) => comparison.field === field));
  return found === null
    ? ['0', '', '']
    : [String(found.count), percent(found.medianError), percent(found.p90Error)];
}

function originText(records: readonly RawRecord[]): string {
  const sweep = records.filter(isFitted).length;
  return `${sweep} of the ${records.length} records come from the sources that the profile's constants name (nearly all are one sweep of vLLM 0.15 to 0.19 on H100), so the medians above are largely medians of logs that were seen while the constants were made. The other ${records.length - sweep} are the harder test: other releases and cards, settings not stated, excerpts of logs. All of them were at hand while the profile was written, so none is a blind test; no constant is fitted to the others unless the list of fitted constants names them.`;
}

let sources: ReadonlySet<string> | null = null;

function isFitted(record: RawRecord): boolean {
  sources ??= fittedSources();
  return sources.has(textOf(record, 'source') ?? '');
}

function originTable(records: readonly RawRecord[], found: VllmComparisons): string {
  const fitted = new Set(records.filter(isFitted).map(idOf));
  const rows: readonly (readonly [string, readonly Comparison[]])[] = [
    ['`weights_gib`', found.memory.filter(({ field }) => field === 'weights_gib')],
    ['`kv_cache_gib`, utilisation stated', found.knownUtilization],
    ['`kv_tokens`, GiB stated', found.givenCache.filter(({ field }) => field === 'kv_tokens')],
    ['`kv_tokens`, end to end', found.endToEnd.filter(({ field }) => field === 'kv_tokens')],
  ];
  return table(
    ['figure', 'those sources: n', 'median', 'p90', 'all others: n', 'median', 'p90'],
    rows.map(([name, comparisons]) => {
      const cells = (isIn: boolean): readonly string[] => {
        const part = statistics(comparisons.filter(({ id }) => fitted.has(id) === isIn));
        return part === null
          ? ['0', '', '']
          : [String(part.count), percent(part.medianError), percent(part.p90Error)];
      };
      return [name, ...cells(true), ...cells(false)];
    }),
  );
}

export function unsupportedPart({ summary }: Validation): readonly string[] {
  if (summary.unsupported.length === 0) return ['Every record was supported.'];
  const shown = summary.unsupported.slice(0, 20).map(({ id, reason }) => `- **${id}**: ${reason}`);
  const more = summary.unsupported.length - shown.length;
  return ['### Not supported', shown.join('\n') + (more > 0 ? `\n- and ${more} more` : '')];
}

/** True if one sequence of the longest context fits, as the log states; null if the log does not state it. */
export function fitsInLog(record: RawRecord): boolean | null {
  const log = reportedOf(record);
  const cacheGib = numberOf(log, 'kv_cache_gib');
  if (cacheGib !== null && cacheGib <= 0) return false;
  const concurrency = numberOf(log, 'max_concurrency');
  if (concurrency !== null) return concurrency >= 1;
  const tokens = numberOf(log, 'kv_tokens');
  const longest = numberOf(record, 'max_model_len');
  return tokens === null || longest === null ? null : tokens >= longest;
}

/** Returns true if one sequence of the longest context fits in the predicted cache; null if the plan does not tell. */
export function fitsInPlan(validation: Validation, id: string): boolean | null {
  const answer = validation.records.find((record) => record.id === id && record.supported);
  if (answer === undefined || !('endToEnd' in answer)) return null;
  const concurrency = amountOf((answer.endToEnd as Figures).max_concurrency);
  return concurrency === null ? null : concurrency >= 1;
}
