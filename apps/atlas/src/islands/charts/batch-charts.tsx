/** The effect of the batch on the first token, on each later token, and on the throughput of all users. */
import { formatCount } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { formatQuantity, type Unit } from '../../cells/quantity.ts';
import { below, Heading, type HeadingLevel } from '../heading.tsx';
import { type BatchWords, fill } from '../words.ts';
import { LineChart } from './line-chart.tsx';

export interface BatchPoint {
  readonly users: number;
  readonly fits: boolean;
  /** Time to the first token of the last user, if all prompts arrive at once. */
  readonly ttftSeconds: number;
  readonly tpotSeconds: number;
  readonly tokensPerSecond: number;
}

interface Panel {
  readonly name: 'ttft' | 'tpot' | 'throughput';
  readonly unit: Unit;
  readonly value: (point: BatchPoint) => number;
}

const panels: readonly Panel[] = [
  { name: 'throughput', unit: 'rate', value: ({ tokensPerSecond }) => tokensPerSecond },
  { name: 'tpot', unit: 'seconds', value: ({ tpotSeconds }) => tpotSeconds },
  { name: 'ttft', unit: 'seconds', value: ({ ttftSeconds }) => ttftSeconds },
];

export interface BatchChartsProps {
  readonly headingLevel: HeadingLevel;
  readonly points: readonly BatchPoint[];
  /** Most users that fit. */
  readonly usersMax: number;
  readonly words: BatchWords;
}

export function BatchCharts({ headingLevel, points, usersMax, words }: BatchChartsProps): ReactNode {
  const users = points.map((point) => point.users);
  const last = points.at(-1)?.users ?? 1;
  const hasMark = usersMax >= 1 && usersMax < last;
  return (
    <>
      <div className="batch-charts">
        {panels.map(({ name, unit, value }) => (
          <div key={name}>
            <Heading level={below(headingLevel)}>{words[name]}</Heading>
            <LineChart
              alt={panelAlt({ name, unit, value }, { points, usersMax, words })}
              xs={users}
              x={{ label: words.users, unit: 'count', scale: 'log' }}
              y={{ label: words[name], unit, scale: 'log' }}
              series={[{ label: words[name], values: points.map(value) }]}
              {...(hasMark && {
                mark: {
                  axis: 'x' as const,
                  value: usersMax,
                  label: fill(words.limit, { users: formatCount(usersMax) }),
                },
              })}
            />
          </div>
        ))}
      </div>
      <BatchTable points={points} words={words} />
    </>
  );
}

function panelAlt(
  { name, unit, value }: Panel,
  { points, usersMax, words }: Omit<BatchChartsProps, 'headingLevel'>,
): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return words[name];
  return fill(usersMax === 0 ? words.altNone : words.alt, {
    title: words[name],
    first: formatQuantity(value(first), unit),
    last: formatQuantity(value(last), unit),
    users: formatCount(last.users),
    fits: formatCount(usersMax),
  });
}

function BatchTable({ points, words }: Pick<BatchChartsProps, 'points' | 'words'>): ReactNode {
  return (
    <details className="chart-table">
      <summary>{words.table}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus */}
      <section className="table-scroll" aria-label={words.table} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">{words.users}</th>
              {panels.map(({ name }) => (
                <th key={name} scope="col">
                  {words[name]}
                </th>
              ))}
              <th scope="col">{words.fits}</th>
            </tr>
          </thead>
          <tbody>
            {points.map((point) => (
              <tr key={point.users}>
                <th scope="row">{formatCount(point.users)}</th>
                {panels.map(({ name, unit, value }) => (
                  <td key={name}>{formatQuantity(value(point), unit)}</td>
                ))}
                <td>{point.fits ? words.yes : words.no}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}
