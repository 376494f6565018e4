/** Compares devices for one question: one row per device. */
import { formatBytes, formatCount, formatTokens } from '@plimsoll/foundation';
import { aboutCount, aboutSeconds } from '@plimsoll/foundation/estimates';
import type { Plan } from '@plimsoll/planner';
import { paint } from './styled-text.ts';
import { renderTable } from './table.ts';
import { fitLines } from './terminal.ts';

export function renderComparison(plans: readonly Plan[]): string {
  const first = plans[0];
  if (first === undefined) return 'Nothing to compare.';
  const { model, workload } = first;
  const title = `${paint('bold', model.id)}, ${formatCount(workload.users)} x ${formatTokens(workload.contextTokens)} tokens`;
  const header = [
    'device',
    'engine, weights',
    'fits',
    'usable',
    'spare',
    'users at most',
    'longest context',
    'first token',
    'per token',
    'tokens/s',
    '$/hour',
  ];
  const rows = plans.map((plan) => [
    `${plan.hardware.devices} x ${plan.hardware.name}`,
    `${plan.engine.name}, ${plan.model.weights}`,
    plan.fits ? (plan.start.starts ? 'yes' : 'yes, does not start as asked') : 'no',
    formatBytes(plan.hardware.usableBytes, 1),
    formatBytes(plan.spareBytes, 1),
    formatCount(plan.capacity.usersMax),
    formatTokens(plan.capacity.contextMax),
    aboutSeconds(plan.speed.ttftSeconds),
    aboutSeconds(plan.speed.tpotSeconds),
    aboutCount(plan.speed.tokensPerSecond),
    plan.hardware.pricePerHourUsd === null
      ? '-'
      : (plan.hardware.pricePerHourUsd * plan.hardware.devices).toFixed(2),
  ]);
  return `${title}\n\n${fitLines(renderTable([header, ...rows], ['left', 'left']))}`;
}
