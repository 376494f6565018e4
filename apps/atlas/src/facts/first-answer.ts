/** The question a visitor comes with, answered on the start page: how many users fit on one device, and what decides it. */
import { assert, formatBytes, formatCount } from '@plimsoll/foundation';
import type { Plan } from '@plimsoll/planner';

export interface FirstAnswer {
  readonly users: string;
  readonly context: string;
  readonly weights: string;
  /** What the engine, the driver and the space kept free take together. */
  readonly reserve: string;
  readonly pool: string;
  readonly perUser: string;
}

export function firstAnswer(plan: Plan): FirstAnswer {
  const { capacity, hardware, ledger, workload } = plan;
  const weightBytes = ledger.entries
    .filter(({ category, tier }) => category === 'weights' && tier === 'device')
    .reduce((total, { bytes }) => total + bytes, 0);
  // The sentence says that the parts make up the whole, so what is left is what they do not take.
  const reserveBytes = hardware.usableBytes - weightBytes - capacity.poolBytes;
  assert(reserveBytes >= 0 && capacity.usersMax > 0, 'the example of the start page fits its device');
  return {
    users: formatCount(capacity.usersMax),
    context: formatCount(workload.contextTokens),
    weights: formatBytes(weightBytes),
    reserve: formatBytes(reserveBytes),
    pool: formatBytes(capacity.poolBytes),
    perUser: formatBytes(capacity.bytesPerUser),
  };
}
