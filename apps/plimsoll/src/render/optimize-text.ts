/** The result of `plimsoll optimize` as text. */
import { formatCount, formatSeconds } from '@plimsoll/foundation';
import { shortFormat } from '../optimize-answer.ts';
import type { OptimizeAnswer, OptimizeRow } from '../optimize-schema.ts';
import { renderTable } from './table.ts';

export function renderOptimization(answer: OptimizeAnswer): string {
  const { winner, nearest, front, why } = answer;
  const lines = [countsLine(answer), ''];
  if (winner === null) {
    lines.push('NOTHING holds the limits.');
    if (nearest !== null) lines.push(`nearest: ${nearest.message}`);
  } else lines.push(...why);
  if (front.length > 0) {
    lines.push('', 'No simulated row is cheaper, faster and of wider formats than these:', frontTable(front));
  }
  if (winner !== null && winner.command !== null) {
    const times = winner.replicas === 1 ? '' : ` (${winner.replicas} times)`;
    lines.push('', `Run it${times}:`, `  ${winner.command}`);
  }
  return lines.join('\n');
}

function countsLine({ candidates }: OptimizeAnswer): string {
  const { considered, planned, simulated, simulations, tooSlow, tooLarge, dearer, leftOver } = candidates;
  const reasons = [
    [tooSlow, 'break a limit in closed form'],
    [tooLarge, 'need too many devices'],
    [dearer, 'cannot beat the runner-up'],
    [leftOver, 'are left over at the most simulations'],
  ] as const;
  const excluded = reasons.flatMap(([count, words]) =>
    count === 0 ? [] : [`${formatCount(count)} ${words}`],
  );
  const rest = excluded.length === 0 ? '' : `; ${excluded.join(', ')}`;
  return `${formatCount(simulated)} of ${formatCount(considered)} candidates simulated (${formatCount(simulations)} runs), ${formatCount(planned)} fit and start${rest}`;
}

function frontTable(rows: readonly OptimizeRow[]): string {
  const table = rows.map((row) => [
    `${row.devices} x ${row.hardware}`,
    `${row.replicas} x tp${row.layout.tp}${row.layout.ep ? ' ep' : ''}`,
    `${shortFormat(row.weights)}, ${row.kv}`,
    row.perHourUsd === null ? '-' : `$${row.perHourUsd.toFixed(2)}`,
    row.goodputRequestsPerSecond.toFixed(2),
    ...row.slo.map(({ seconds }) => (seconds === null ? '-' : formatSeconds(seconds))),
  ]);
  const limits = (rows[0]?.slo ?? []).map(
    ({ name, limitSeconds }) => `${name} (${formatSeconds(limitSeconds)})`,
  );
  return renderTable(
    [['devices', 'replicas', 'weights, cache', 'per hour', 'good/s', ...limits], ...table],
    ['left', 'left', 'left'],
  );
}
