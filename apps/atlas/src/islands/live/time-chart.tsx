/** Values over the recent time as SVG: areas on top of each other, and lines. */
import { formatBytes } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { formatTick, type Unit } from '../../cells/quantity.ts';
import { place } from '../charts/line-chart.tsx';
import { linearScale } from '../charts/scale.ts';

export interface ChartLayer {
  /** Name of the color in the style sheet. */
  readonly color: string;
  readonly label: string;
  readonly values: readonly number[];
}

export interface TimeChartProps {
  /** The text for a reader who does not see the chart. */
  readonly alt: string;
  /** Seconds of each value, ascending. */
  readonly times: readonly number[];
  readonly unit: Unit;
  readonly areas: readonly ChartLayer[];
  readonly lines: readonly ChartLayer[];
  readonly limit: { readonly value: number; readonly label: string } | null;
  readonly nowLabel: string;
  /** Highest value of the axis before there are values. */
  readonly usualMax: number;
}

const width = 400;
const height = 190;
const frame = { left: 68, right: 8, top: 12, bottom: 22 } as const;
const minuteSeconds = 60;
const plotWidth = width - frame.left - frame.right;
const plotHeight = height - frame.top - frame.bottom;

export function TimeChart(props: TimeChartProps): ReactNode {
  const { alt, times, unit, areas, lines, limit, nowLabel, usualMax } = props;
  const tops = stacked(areas, times.length);
  const highest = Math.max(
    usualMax,
    limit?.value ?? 0,
    ...tops.flat(),
    ...lines.flatMap(({ values }) => values),
  );
  const scale = linearScale({ max: highest, ticksMax: 5, base: unit === 'bytes' ? 2 : 10 });
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const left = (at: number): number =>
    place(frame.left + plotWidth * (last > first ? (at - first) / (last - first) : 1));
  const top = (value: number): number => place(frame.top + (1 - scale.at(value)) * plotHeight);
  const path = (values: readonly number[]): string =>
    values.map((value, index) => `${left(times[index] ?? 0)} ${top(value)}`).join('L');
  return (
    <figure className="live-chart">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={alt}>
        {scale.ticks.map((tick) => (
          <g key={tick} className="live-tick">
            <line x1={frame.left} x2={width - frame.right} y1={top(tick)} y2={top(tick)} />
            <text x={frame.left - 6} y={top(tick) + 4} textAnchor="end">
              {valueText(tick, unit)}
            </text>
          </g>
        ))}
        {times.length > 1 &&
          areas.map(({ color }, index) => {
            const lower = tops[index - 1] ?? times.map(() => 0);
            const back = [...lower].reverse();
            const backPath = back
              .map((value, place) => `${left(times[times.length - 1 - place] ?? 0)} ${top(value)}`)
              .join('L');
            return <path key={color} data-part={color} d={`M${path(tops[index] ?? [])}L${backPath}Z`} />;
          })}
        {times.length > 1 &&
          lines.map(({ color, values }) => (
            <path key={color} className="live-line" data-part={color} d={`M${path(values)}`} />
          ))}
        {limit !== null && (
          <g className="live-limit">
            <line x1={frame.left} x2={width - frame.right} y1={top(limit.value)} y2={top(limit.value)} />
            <text x={frame.left + 4} y={top(limit.value) - 4}>
              {limit.label}
            </text>
          </g>
        )}
        {last > first && <TimeAxis seconds={last - first} nowLabel={nowLabel} />}
      </svg>
      <Legend areas={areas} lines={lines} unit={unit} />
    </figure>
  );
}

function Legend({ areas, lines, unit }: Pick<TimeChartProps, 'areas' | 'lines' | 'unit'>): ReactNode {
  return (
    <ul className="live-legend">
      {[...areas, ...lines].map(({ color, label, values }) => (
        <li key={color}>
          <svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
            {lines.some((line) => line.color === color) ? (
              <path className="live-line" data-part={color} d="M0 7H14" />
            ) : (
              <path data-part={color} d="M1 1h12v12h-12z" />
            )}
          </svg>
          {label} <b>{values.length === 0 ? '–' : valueText(values.at(-1) ?? 0, unit)}</b>
        </li>
      ))}
    </ul>
  );
}

function TimeAxis({ seconds, nowLabel }: { readonly seconds: number; readonly nowLabel: string }): ReactNode {
  return (
    <g className="live-tick">
      <text x={frame.left} y={height - 6}>
        {agoText(seconds)}
      </text>
      <text x={width - frame.right} y={height - 6} textAnchor="end">
        {nowLabel}
      </text>
    </g>
  );
}

function valueText(value: number, unit: Unit): string {
  return unit === 'bytes'
    ? formatBytes(value)
        .replace(/(\.\d*?)\.?0+(?= )/, '$1')
        .replace(/\.(?= )/, '')
    : formatTick(value, unit);
}

function agoText(seconds: number): string {
  if (seconds < 2 * minuteSeconds) return `−${Math.round(seconds)} s`;
  return `−${Math.round(seconds / minuteSeconds)} min`;
}

/** The upper edge of each area: its values on top of the areas before it. */
function stacked(areas: readonly ChartLayer[], count: number): readonly (readonly number[])[] {
  const sums = Array.from({ length: count }, () => 0);
  return areas.map(({ values }) => {
    for (let index = 0; index < count; index++) sums[index] = (sums[index] ?? 0) + (values[index] ?? 0);
    return [...sums];
  });
}
