/** Requests, KV cache and output rate over the simulated time of one or two runs, as SVG. Two runs share their axes. */
import { formatSeconds } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { formatTick, type Unit } from '../../../cells/quantity.ts';
import { place } from '../../charts/line-chart.tsx';
import { linearScale } from '../../charts/scale.ts';
import { fill, type SimulateWords } from '../../words.ts';
import type { RunTimeline } from '../worker/run-timeline.ts';
import { percent, rate } from './figure-text.ts';

const width = 640;
const height = 130;
const frame = { left: 56, right: 12, top: 10, bottom: 20 } as const;
const plotWidth = width - frame.left - frame.right;
const plotHeight = height - frame.top - frame.bottom;

type Series = 'running' | 'waiting' | 'kvShare' | 'outputRate';

interface Panel {
  readonly name: Series;
  readonly unit: Unit;
}

const panels: readonly Panel[] = [
  { name: 'running', unit: 'count' },
  { name: 'waiting', unit: 'count' },
  { name: 'kvShare', unit: 'share' },
  { name: 'outputRate', unit: 'rate' },
];

export interface RunChartProps {
  readonly runs: readonly RunTimeline[];
  readonly words: SimulateWords;
}

export function RunChart({ runs, words }: RunChartProps): ReactNode {
  return (
    <div className="sim-panels">
      {panels.map((panel) => (
        <PanelChart key={panel.name} panel={panel} runs={runs} words={words} />
      ))}
    </div>
  );
}

function PanelChart({
  panel: { name, unit },
  runs,
  words,
}: RunChartProps & { readonly panel: Panel }): ReactNode {
  const end = Math.max(...runs.map(({ endSeconds }) => endSeconds), Number.MIN_VALUE);
  const highest = Math.max(...runs.flatMap((run) => run[name]), 0);
  const scale = linearScale({ max: unit === 'share' ? Math.min(1, highest) : highest, ticksMax: 3 });
  const left = (at: number): number => place(frame.left + (at / end) * plotWidth);
  const top = (value: number): number => place(frame.top + (1 - scale.at(value)) * plotHeight);
  return (
    <figure className="sim-panel">
      <figcaption>{words[`panel-${name}`]}</figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={panelAlt(name, runs, words)}>
        {scale.ticks.map((tick) => (
          <g key={tick} className="chart-tick">
            <line x1={frame.left} x2={width - frame.right} y1={top(tick)} y2={top(tick)} />
            <text x={frame.left - 6} y={top(tick) + 4} textAnchor="end">
              {formatTick(tick, unit)}
            </text>
          </g>
        ))}
        {runs.map((run, index) => {
          const line = stepPath(run, name, { left, top });
          return (
            <g key={sideName(index)} data-run={sideName(index)}>
              {index === 0 && <path className="sim-area" d={`${line}V${top(0)}H${left(0)}Z`} />}
              <path className="sim-line" d={line} />
            </g>
          );
        })}
        <g className="chart-tick">
          <text x={frame.left} y={height - 4}>
            {words.start}
          </text>
          <text x={width - frame.right} y={height - 4} textAnchor="end">
            {formatSeconds(end)}
          </text>
        </g>
      </svg>
    </figure>
  );
}

interface Places {
  readonly left: (at: number) => number;
  readonly top: (value: number) => number;
}

/** Each value is a mean over its interval, so the line has steps. */
function stepPath(run: RunTimeline, name: Series, { left, top }: Places): string {
  const { starts, endSeconds } = run;
  const steps = run[name].map((value, index) => {
    const level = top(value);
    return `${index === 0 ? 'M' : 'L'}${left(starts[index] ?? 0)} ${level}H${left(starts[index + 1] ?? endSeconds)}`;
  });
  return steps.join('');
}

function panelAlt(name: Series, runs: readonly RunTimeline[], words: SimulateWords): string {
  const text = (value: number): string => (name === 'kvShare' ? percent(value) : rate(value));
  return runs
    .map((run, index) =>
      fill(runs.length === 1 ? words.panelAlt : words.panelAltOf, {
        side: sideName(index),
        panel: words[`panel-${name}`],
        most: text(Math.max(...run[name], 0)),
        last: text(run[name].at(-1) ?? 0),
        seconds: formatSeconds(run.endSeconds),
      }),
    )
    .join(' ');
}

/** The scenarios of a comparison, as the command line calls them. */
export function sideName(index: number): 'A' | 'B' {
  return index === 0 ? 'A' : 'B';
}
