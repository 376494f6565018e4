/** Two runs side by side: the fields that differ, and the figures with the change from the first to the second. */
import { formatCount, formatSeconds } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { fill, type SimulateWords } from '../../words.ts';
import { fieldDifferences, type ScenarioFields } from '../state/scenario-paths.ts';
import type { ScenarioResult } from '../worker/run-scenario.ts';
import { percent, rate } from './figure-text.ts';
import { runSentence } from './figures.tsx';
import { sideName } from './run-chart.tsx';

type Answer = ScenarioResult['answer'];

interface Row {
  readonly label: string;
  readonly value: (answer: Answer) => number | null | undefined;
  readonly text: (value: number) => string;
  /** Whether more or less of the figure is better; null if neither is. */
  readonly better: 'more' | 'less' | null;
}

function rowsOf(words: SimulateWords): readonly Row[] {
  const latency = (label: string, figure: (answer: Answer) => Answer['ttft']): readonly Row[] =>
    (['p50', 'p90', 'p99'] as const).map((statistic) => ({
      label: `${label}, ${words[statistic]}`,
      value: (answer) => figure(answer)?.[statistic],
      text: formatSeconds,
      better: 'less',
    }));
  return [
    {
      label: words.completed,
      value: ({ requests }) => requests.completed,
      text: formatCount,
      better: 'more',
    },
    {
      label: words.requestRate,
      value: ({ throughput }) => throughput.requestsPerSecond,
      text: rate,
      better: 'more',
    },
    {
      label: words.outputRate,
      value: ({ throughput }) => throughput.outputTokensPerSecond,
      text: rate,
      better: 'more',
    },
    { label: words.goodput, value: ({ goodput }) => goodput?.requestsPerSecond, text: rate, better: 'more' },
    ...latency(words.ttft, ({ ttft }) => ttft),
    ...latency(words.itl, ({ itl }) => itl),
    ...latency(words.e2e, ({ e2e }) => e2e),
    { label: words.kvMean, value: ({ kvCache }) => kvCache.occupancyMean, text: percent, better: null },
    {
      label: words.prefixHits,
      value: ({ kvCache }) => kvCache.prefixHitShare,
      text: percent,
      better: 'more',
    },
    {
      label: words.preemptions,
      value: ({ kvCache }) => kvCache.preemptions,
      text: formatCount,
      better: 'less',
    },
    { label: words.runningMean, value: ({ batch }) => batch.runningMean, text: rate, better: null },
    { label: words.perHour, value: ({ cost }) => cost?.perHourUsd, text: dollars, better: 'less' },
    {
      label: words.perMillion,
      value: ({ cost }) => cost?.perMillionOutputUsd,
      text: dollars,
      better: 'less',
    },
  ];
}

function dollars(value: number): string {
  return `$${value.toFixed(2)}`;
}

export interface ComparisonProps {
  readonly first: ScenarioResult;
  readonly second: ScenarioResult;
  /** The scenarios of the two runs. */
  readonly fields: readonly [ScenarioFields, ScenarioFields];
  readonly words: SimulateWords;
}

export function Comparison({ first, second, fields, words }: ComparisonProps): ReactNode {
  const answers = [first.answer, second.answer] as const;
  return (
    <>
      {answers.map((answer, index) => (
        <p key={sideName(index)} className="sim-sentence">
          <b>{sideName(index)}</b> {runSentence(answer, words)}
          {!answer.stable && (
            <>
              {' '}
              <strong>{words.unstable}</strong> {answer.unstableReason}
            </>
          )}
        </p>
      ))}
      <FieldTable fields={fields} words={words} />
      <FigureTable first={first} second={second} words={words} />
      <VerdictTable answers={answers} words={words} />
    </>
  );
}

function FieldTable({ fields: [left, right], words }: Pick<ComparisonProps, 'fields' | 'words'>): ReactNode {
  const differences = fieldDifferences(left, right);
  if (differences.length === 0) return <p>{words.sameFields}</p>;
  return (
    <Table caption={words.changedFields} columns={[words.field, 'A', 'B']}>
      {differences.map(({ path, first, second }) => (
        <tr key={path}>
          <th scope="row">
            <code>{path}</code>
          </th>
          <td>{first ?? '–'}</td>
          <td>{second ?? '–'}</td>
        </tr>
      ))}
    </Table>
  );
}

function FigureTable({
  first,
  second,
  words,
}: Pick<ComparisonProps, 'first' | 'second' | 'words'>): ReactNode {
  return (
    <Table caption={words.figures} columns={[words.figure, 'A', 'B', words.change]}>
      {rowsOf(words).map(({ label, value, text, better }) => {
        const [left, right] = [value(first.answer) ?? null, value(second.answer) ?? null];
        if (left === null && right === null) return null;
        const change = changeOf(left, right, better);
        return (
          <tr key={label} data-change={change.kind}>
            <th scope="row">{label}</th>
            <td>{left === null ? '–' : text(left)}</td>
            <td>{right === null ? '–' : text(right)}</td>
            <td>
              {change.text} {change.kind === 'better' && words.better}
              {change.kind === 'worse' && words.worse}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

interface Change {
  readonly kind: 'same' | 'better' | 'worse' | 'other';
  readonly text: string;
}

/** A change below a tenth of a percent prints as none. */
function changeOf(left: number | null, right: number | null, better: Row['better']): Change {
  if (left === right) return { kind: 'same', text: '0 %' };
  if (left === null || right === null || left === 0) return { kind: 'other', text: '' };
  const change = right / left - 1;
  if (Math.abs(change) < 0.0005) return { kind: 'same', text: '0 %' };
  const text = `${change > 0 ? '+' : '−'}${Math.abs(change * 100).toFixed(1)} %`;
  if (better === null) return { kind: 'other', text };
  return { kind: change > 0 === (better === 'more') ? 'better' : 'worse', text };
}

/** The limits of either scenario; a scenario without the limit has no verdict. */
function VerdictTable({
  answers,
  words,
}: {
  readonly answers: readonly [Answer, Answer];
  readonly words: SimulateWords;
}): ReactNode {
  const names = [...new Set(answers.flatMap(({ slo }) => slo.map(({ name }) => name)))];
  if (names.length === 0) return null;
  return (
    <Table caption={words.verdicts} columns={[words.limit, 'A', 'B']}>
      {names.map((name) => (
        <tr key={name}>
          <th scope="row">{name}</th>
          {answers.map(({ slo }, index) => {
            const verdict = slo.find((one) => one.name === name);
            return (
              <td key={sideName(index)}>
                {verdict === undefined
                  ? words.noLimit
                  : fill(words.verdict, {
                      verdict: verdict.holds ? words.holds : words.missed,
                      limit: formatSeconds(verdict.limitSeconds),
                    })}
              </td>
            );
          })}
        </tr>
      ))}
    </Table>
  );
}

function Table({
  caption,
  columns,
  children,
}: {
  readonly caption: string;
  readonly columns: readonly string[];
  readonly children: ReactNode;
}): ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus
    <section className="sim-scroll" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
