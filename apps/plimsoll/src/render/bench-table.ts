/** The markdown table of llama-bench. */
import { formatBytes, formatSeconds } from '@plimsoll/foundation';
import type { RowTime } from '../row-times.ts';
import type { StepGroup } from '../step-times.ts';
import type { WeightsDescription } from '../weights-description.ts';

export interface BenchTest {
  readonly test: string;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly tokensPerSecond: { readonly mean: number; readonly deviation: number };
  readonly runs: readonly number[];
  /** Measured and predicted times; null unless --steps was given. */
  readonly steps: readonly StepGroup[] | null;
  /** Mean tokens per step with drafts; null without drafts. */
  readonly draftTokensPerStep: number | null;
}

export interface BenchFacts extends WeightsDescription {
  readonly backend: string;
  readonly threads: number;
  readonly kvType: string;
  /** The draft model; null without one. */
  readonly draft: string | null;
  readonly draftTokens: number;
}

/** `rowTimes`: null unless --rows was given. */
export function renderBench(
  facts: BenchFacts,
  tests: readonly BenchTest[],
  rowTimes: readonly RowTime[] | null,
): string {
  const header = ['model', 'size', 'params', 'backend', 'threads', 'test', 't/s'];
  // A cache of another type gets its own column, as in llama-bench.
  const isUsualCache = facts.kvType === 'fp16';
  const columns = isUsualCache ? header : header.toSpliced(5, 0, 'type_kv');
  const rows = tests.map(({ test, tokensPerSecond: { mean, deviation } }) => {
    const cells = [
      facts.model,
      formatBytes(facts.sizeBytes),
      formatParameters(facts.parameters),
      facts.backend,
      String(facts.threads),
      test,
      `${mean.toFixed(2)} ± ${deviation.toFixed(2)}`,
    ];
    return isUsualCache ? cells : cells.toSpliced(5, 0, facts.kvType);
  });
  return [
    markdownTable([columns, ...rows]),
    ...draftLines(facts, tests),
    ...stepLines(tests),
    ...rowLines(rowTimes ?? []),
  ].join('\n');
}

/** A table of the steps of several sequences. */
function rowLines(times: readonly RowTime[]): readonly string[] {
  if (times.length === 0) return [];
  const rows = times.map(({ rows: count, steps, stepSeconds, ratio }) => [
    String(count),
    String(steps),
    formatSeconds(stepSeconds),
    ratio.toFixed(2),
    (count / stepSeconds).toFixed(2),
  ]);
  return ['', markdownTable([['rows', 'steps', 'step', 'R', 't/s'], ...rows])];
}

/** A table of the steps of each test, with measured and predicted times. */
function stepLines(tests: readonly BenchTest[]): readonly string[] {
  const rows = tests.flatMap(({ test, steps }) =>
    (steps ?? []).map((group) => [
      test,
      `${group.kind} of ${group.tokens}`,
      String(group.steps),
      formatSeconds(group.measuredSeconds),
      formatSeconds(group.predictedSeconds),
      (group.measuredSeconds / group.predictedSeconds).toFixed(2),
    ]),
  );
  if (rows.length === 0) return [];
  const header = ['test', 'step', 'steps', 'measured', 'predicted', 'measured / predicted'];
  return ['', markdownTable([header, ...rows])];
}

/** Lines below the table, because llama-bench has no column for drafts. */
function draftLines({ draft, draftTokens }: BenchFacts, tests: readonly BenchTest[]): readonly string[] {
  if (draft === null) return [];
  const gains = tests.flatMap(({ test, draftTokensPerStep: gain }) =>
    gain === null ? [] : [`${test} ${gain.toFixed(2)} tokens per step`],
  );
  return ['', `draft ${draft}, ${draftTokens} tokens at once${gains.map((gain) => `; ${gain}`).join('')}`];
}

export function formatParameters(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(2)} B`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(2)} M` : `${(count / 1e3).toFixed(2)} K`;
}

/** Aligns the first column left and the others right. */
function markdownTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => pad(cell, widths[column] ?? 0, column)).join(' | ')} |`;
  const [header = [], ...body] = rows;
  const rule = widths.map((width, column) =>
    column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  );
  return [line(header), `| ${rule.join(' | ')} |`, ...body.map(line)].join('\n');
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}
