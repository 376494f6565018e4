/** Two simulations side by side as text. */
import { formatCount, formatSeconds } from '@plimsoll/foundation';
import type { SimulateAnswer } from '../simulate-schema.ts';
import { differenceOf, type SimulateComparison } from '../simulation-comparison.ts';
import { headline, percent, rate } from './simulation-text.ts';
import { renderTable } from './table.ts';

interface Row {
  readonly name: string;
  readonly value: (answer: SimulateAnswer) => number | null | undefined;
  readonly text: (value: number) => string;
}

const rows: readonly Row[] = [
  { name: 'requests completed', value: ({ requests }) => requests.completed, text: formatCount },
  { name: 'requests/s', value: ({ throughput }) => throughput.requestsPerSecond, text: rate },
  { name: 'output tokens/s', value: ({ throughput }) => throughput.outputTokensPerSecond, text: rate },
  { name: 'goodput, requests/s', value: ({ goodput }) => goodput?.requestsPerSecond, text: rate },
  ...latencyRows('TTFT', ({ ttft }) => ttft),
  ...latencyRows('queue', ({ ttftParts }) => ttftParts.queue),
  ...latencyRows('ITL', ({ itl }) => itl),
  ...latencyRows('E2E', ({ e2e }) => e2e),
  ...latencyRows('session', ({ sessions }) => sessions?.duration ?? null),
  { name: 'KV cache in use, mean', value: ({ kvCache }) => kvCache.occupancyMean, text: percent },
  {
    name: 'prompt tokens in the prefix cache',
    value: ({ kvCache }) => kvCache.prefixHitShare,
    text: percent,
  },
  { name: 'preemptions', value: ({ kvCache }) => kvCache.preemptions, text: formatCount },
  { name: 'running requests, mean', value: ({ batch }) => batch.runningMean, text: rate },
  { name: 'time in which replicas compute', value: ({ batch }) => batch.busyShare, text: percent },
  { name: '$ per hour', value: ({ cost }) => cost?.perHourUsd, text: (value) => value.toFixed(2) },
  {
    name: '$ per million output tokens',
    value: ({ cost }) => cost?.perMillionOutputUsd,
    text: (value) => value.toFixed(2),
  },
];

function latencyRows(
  name: string,
  figure: (answer: SimulateAnswer) => SimulateAnswer['ttft'],
): readonly Row[] {
  return (['p50', 'p99'] as const).map((statistic) => ({
    name: `${name} ${statistic}`,
    value: (answer) => figure(answer)?.[statistic],
    text: formatSeconds,
  }));
}

export function renderSimulationComparison({ first, second }: SimulateComparison): string {
  const table = rows.flatMap(({ name, value, text }) => {
    const {
      first: left,
      second: right,
      change,
    } = differenceOf(name, value(first) ?? null, value(second) ?? null);
    if (left === null && right === null) return [];
    const cells = [left, right].map((cell) => (cell === null ? '-' : text(cell)));
    return [[name, ...cells, change === null ? '' : changeText(change)]];
  });
  return [
    `A: ${headline(first)}`,
    `B: ${headline(second)}`,
    ...(['first', 'second'] as const).flatMap((name) => unstableLine(name, { first, second })),
    '',
    renderTable([['', 'A', 'B', 'B against A'], ...table]),
    ...verdictLines(first, second),
  ].join('\n');
}

function unstableLine(
  name: 'first' | 'second',
  answers: Readonly<Record<'first' | 'second', SimulateAnswer>>,
): readonly string[] {
  const { stable, unstableReason } = answers[name];
  return stable ? [] : [`UNSTABLE ${name === 'first' ? 'A' : 'B'}: ${unstableReason}`];
}

/** The limits of either scenario; a scenario without the limit has no verdict. */
function verdictLines(first: SimulateAnswer, second: SimulateAnswer): readonly string[] {
  const names = new Set([...first.slo, ...second.slo].map(({ name }) => name));
  const lines = [...names].map((name) => {
    const [left, right] = [first, second].map(({ slo }) => {
      const verdict = slo.find((one) => one.name === name);
      if (verdict === undefined) return 'no limit';
      return `${verdict.holds ? 'holds' : 'MISSED'} (<= ${formatSeconds(verdict.limitSeconds)})`;
    });
    return `SLO ${name}: A ${left}, B ${right}`;
  });
  for (const [name, { assert }] of [
    ['A', first],
    ['B', second],
  ] as const) {
    for (const { metric, holds } of assert) if (!holds) lines.push(`assert of ${name} FAILED: ${metric}`);
  }
  return lines.length === 0 ? [] : ['', ...lines];
}

/** A change below a tenth of a percent prints as none. */
function changeText(change: number): string {
  const text = `${change > 0 ? '+' : ''}${(change * 100).toFixed(1)} %`;
  return Math.abs(change) < 0.0005 ? '0 %' : text;
}
