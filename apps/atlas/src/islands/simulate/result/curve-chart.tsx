/** Goodput over the offered load of one or two scenarios, drawn as the runs end, with a table of the same numbers. */
import { formatCount } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { LineChart } from '../../charts/line-chart.tsx';
import { fill, type SimulateWords } from '../../words.ts';
import type { Curve } from '../worker/goodput-curve.ts';
import { rate } from './figure-text.ts';
import { sideName } from './run-chart.tsx';

export interface CurveChartProps {
  /** Null for a scenario without a curve. */
  readonly curves: readonly (Curve | null)[];
  readonly words: SimulateWords;
}

interface NamedCurve {
  readonly name: string;
  readonly curve: Curve;
}

export function CurveChart({ curves, words }: CurveChartProps): ReactNode {
  const named = curves.flatMap((curve, index): NamedCurve[] =>
    curve === null || curve.points.length === 0 ? [] : [{ name: sideName(index), curve }],
  );
  const [first] = named;
  if (first === undefined) return null;
  // Rates and clients have no axis in common; then each scenario has a chart.
  const isOneChart = named.every(({ curve }) => isSameAxis(curve, first.curve));
  const charts = isOneChart ? [named] : named.map((one) => [one]);
  return (
    <>
      {charts.map((group) => (
        <CurveGroup
          key={group.map(({ name }) => name).join('')}
          group={group}
          isCompared={curves.length > 1}
          words={words}
        />
      ))}
      <CurveTable named={named} isCompared={curves.length > 1} words={words} />
    </>
  );
}

function isSameAxis(one: Curve, other: Curve): boolean {
  return one.loads.kind === other.loads.kind && one.loads.loads.join() === other.loads.loads.join();
}

interface GroupProps {
  readonly group: readonly NamedCurve[];
  readonly isCompared: boolean;
  readonly words: SimulateWords;
}

function CurveGroup({ group, isCompared, words }: GroupProps): ReactNode {
  const { kind = 'rate', loads = [] } = group[0]?.curve.loads ?? {};
  const series = group.flatMap(({ name, curve }) =>
    (['goodput', 'completed'] as const).map((figure) => ({
      label: isCompared ? fill(words[`curve-${figure}-of`], { side: name }) : words[`curve-${figure}`],
      values: loads.map((_, index) => curve.points[index]?.[figure] ?? null),
    })),
  );
  const best = Math.max(...group.flatMap(({ curve }) => curve.points.map(({ goodput }) => goodput)));
  return (
    <LineChart
      alt={fill(words.curveAlt, { best: rate(best) })}
      xs={loads}
      x={{ label: words[`load-${kind}`], unit: kind === 'clients' ? 'count' : 'ratio', scale: 'linear' }}
      y={{ label: words.goodput, unit: 'ratio', scale: 'linear' }}
      series={series}
    />
  );
}

function CurveTable({
  named,
  isCompared,
  words,
}: {
  readonly named: readonly NamedCurve[];
  readonly isCompared: boolean;
  readonly words: SimulateWords;
}): ReactNode {
  return (
    <details className="chart-table">
      <summary>{words.curveTable}</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus */}
      <section className="sim-scroll" aria-label={words.curveTable} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {isCompared && <th scope="col">{words.scenario}</th>}
              {(['load', 'completedRate', 'goodput', 'state'] as const).map((name) => (
                <th key={name} scope="col">
                  {words[name]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {named.flatMap(({ name, curve }) =>
              curve.points.map(({ load, completed, goodput, stable }) => (
                <tr key={`${name} ${load}`}>
                  {isCompared && <td>{name}</td>}
                  <td>{curve.loads.kind === 'clients' ? formatCount(load) : rate(load)}</td>
                  <td>{rate(completed)}</td>
                  <td>{rate(goodput)}</td>
                  <td>{stable ? words.steady : words.unsteady}</td>
                </tr>
              )),
            )}
          </tbody>
        </table>
      </section>
    </details>
  );
}
