/**
 * The data of the charts: memory over context and users, and speed over users, from one prepared deployment. `solve` gives
 * each point; the boundary is the exact largest number of users for each context.
 */
import { type Deployment, solve, usersMax, type Workload } from '@plimsoll/planner';
import type { BatchPoint } from '../../charts/batch-charts.tsx';
import type { CapacityMap } from '../../charts/capacity-chart.tsx';

const contextMin = 512;
const usersTop = 1024;

export function capacityMap(deployment: Deployment): CapacityMap {
  const longest = Math.max(contextMin, deployment.contextMax);
  const contexts = doublings(Math.min(contextMin, deployment.contextMax), longest);
  const users = doublings(1, usersTop);
  const shares = users.map((count) =>
    contexts.map((contextTokens) => {
      const { utilization, feasible } = solve(deployment, { contextTokens, users: count });
      const rounded = Math.round(utilization * 1e4) / 1e4;
      // An engine may refuse a point that has room, for example because of its limit of sequences. Such a point does not fit.
      return feasible ? Math.min(rounded, 1) : Math.max(rounded, 1.0001);
    }),
  );
  return { contexts, users, shares, usersMax: contexts.map((context) => usersMax(deployment, context)) };
}

export function batchSweep(
  deployment: Deployment,
  { contextTokens, promptTokens = contextTokens }: Pick<Workload, 'contextTokens' | 'promptTokens'>,
): readonly BatchPoint[] {
  const most = usersMax(deployment, contextTokens);
  const top = Math.min(usersTop, Math.max(16, 2 ** Math.ceil(Math.log2(Math.max(1, most)))));
  return doublings(1, top).map((users) => {
    const { feasible, tpotSeconds, tokensPerSecond } = solve(deployment, { contextTokens, users });
    const ttftSeconds = deployment.speed.prefillSeconds(promptTokens, 0, users);
    return { users, fits: feasible, ttftSeconds, tpotSeconds, tokensPerSecond };
  });
}

/** Doubles from `first` and ends with `last` itself. */
function doublings(first: number, last: number): readonly number[] {
  const values: number[] = [];
  for (let value = first; value < last; value *= 2) values.push(value);
  return [...values, last];
}
