/**
 * A line chart as plain SVG. The build and the page draw the same chart, so it works without JavaScript and in print. Series
 * differ by dash and mark as well as by color, and the caller adds a table with the same numbers.
 */
import type { ReactNode } from 'react';
import { formatTick, type Unit } from '../../cells/quantity.ts';
import { linearScale, logScale, type Scale } from './scale.ts';

export interface ChartAxis {
  readonly label: string;
  readonly unit: Unit;
  readonly scale: 'log' | 'linear';
}

export interface ChartSeries {
  readonly label: string;
  /** One value per x; null leaves a gap. */
  readonly values: readonly (number | null)[];
}

export interface LineChartProps {
  /** The text for a reader who does not see the chart. */
  readonly alt: string;
  readonly xs: readonly number[];
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly ChartSeries[];
  /** A limit across the chart: where something stops fitting. */
  readonly mark?: { readonly axis: 'x' | 'y'; readonly value: number; readonly label: string };
}

const width = 340;
const height = 220;
const frame = { left: 64, right: 20, top: 12, bottom: 40 } as const;
const plotWidth = width - frame.left - frame.right;
const plotHeight = height - frame.top - frame.bottom;

export function LineChart({ alt, xs, x, y, series, mark }: LineChartProps): ReactNode {
  const values = series.flatMap((one) => one.values.flatMap((value) => value ?? []));
  const marked = mark?.axis === 'y' ? [...values, mark.value] : values;
  const across = axisScale(x, xs, 5);
  const up = axisScale(y, marked, 5);
  const left = (value: number): number => place(frame.left + across.at(value) * plotWidth);
  const top = (value: number): number => place(frame.top + (1 - up.at(value)) * plotHeight);
  return (
    <figure className="chart">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={alt}>
        {up.ticks.map((tick) => (
          <g key={tick} className="chart-tick">
            <line x1={frame.left} x2={width - frame.right} y1={top(tick)} y2={top(tick)} />
            <text x={frame.left - 6} y={top(tick) + 4} textAnchor="end">
              {formatTick(tick, y.unit)}
            </text>
          </g>
        ))}
        {across.ticks.map((tick) => (
          <text
            key={tick}
            x={left(tick)}
            y={height - frame.bottom + 16}
            textAnchor="middle"
            className="chart-tick"
          >
            {formatTick(tick, x.unit)}
          </text>
        ))}
        <text x={frame.left + plotWidth / 2} y={height - 6} textAnchor="middle" className="chart-label">
          {x.label}
        </text>
        {mark !== undefined && <MarkLine mark={mark} left={left} top={top} />}
        {series.map((one, index) => (
          <g key={one.label} className="chart-series" data-series={index}>
            <path d={linePath(xs, one.values, { left, top })} fill="none" />
            {xs.map((x0, at) => {
              const value = one.values[at];
              return value === null || value === undefined ? null : (
                <circle key={x0} cx={left(x0)} cy={top(value)} r="2.6" />
              );
            })}
          </g>
        ))}
      </svg>
      {series.length > 1 && (
        <ul className="chart-legend">
          {series.map((one, index) => (
            <li key={one.label}>
              <svg viewBox="0 0 28 10" width="28" height="10" aria-hidden="true">
                <g className="chart-series" data-series={index}>
                  <path d="M1 5H27" />
                </g>
              </svg>
              {one.label}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}

/**
 * A coordinate in tenths of a unit. A finer one is not visible, and the last bit of a logarithm differs between the machine
 * that built the page and the browser.
 */
export function place(value: number): number {
  return Math.round(value * 10) / 10;
}

interface Places {
  readonly left: (value: number) => number;
  readonly top: (value: number) => number;
}

function MarkLine({
  mark,
  left,
  top,
}: Places & { readonly mark: NonNullable<LineChartProps['mark']> }): ReactNode {
  const isX = mark.axis === 'x';
  const at = isX ? left(mark.value) : top(mark.value);
  const isLate = at > frame.left + plotWidth * 0.6;
  return (
    <g className="chart-mark">
      {isX ? (
        <line x1={at} x2={at} y1={frame.top} y2={frame.top + plotHeight} />
      ) : (
        <line x1={frame.left} x2={width - frame.right} y1={at} y2={at} />
      )}
      <text
        x={isX ? at + (isLate ? -5 : 5) : frame.left + 5}
        y={isX ? frame.top + 11 : at - 5}
        textAnchor={isX && isLate ? 'end' : 'start'}
      >
        {mark.label}
      </text>
    </g>
  );
}

function axisScale(axis: ChartAxis, values: readonly number[], ticksMax: number): Scale {
  const max = Math.max(...values, 0);
  if (axis.scale === 'linear') return linearScale({ max, ticksMax, base: axis.unit === 'bytes' ? 2 : 10 });
  const min = Math.min(...values);
  const base = axis.unit === 'seconds' || axis.unit === 'rate' ? 10 : 2;
  // A range of less than a decade contains no two powers of ten, so the axis grows to the next powers.
  const isNarrow = base === 10 && max / min < 100;
  const low = isNarrow ? 10 ** Math.floor(Math.log10(min)) : min;
  const high = isNarrow ? 10 ** Math.ceil(Math.log10(max)) : max;
  return logScale({ min: low, max: high, ticksMax, base });
}

function linePath(xs: readonly number[], values: readonly (number | null)[], { left, top }: Places): string {
  let isDrawing = false;
  let path = '';
  xs.forEach((x, index) => {
    const value = values[index];
    if (value === null || value === undefined) {
      isDrawing = false;
      return;
    }
    path += `${isDrawing ? 'L' : 'M'}${left(x)} ${top(value)}`;
    isDrawing = true;
  });
  return path;
}
