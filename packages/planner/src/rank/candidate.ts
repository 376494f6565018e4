/** One candidate of a ranking: equal devices in a layout, weights and a cache type. It is planned like any question. */
import { formatBytes, formatCount, formatTokens, type PlimsollError } from '@plimsoll/foundation';
import { deviceCount } from '../bytes/parallelism.ts';
import { weightFormat } from '../bytes/weight-format.ts';
import { deviceWeights } from '../bytes/weights.ts';
import {
  type Deployment,
  holdsSequence,
  neededBytes,
  type Solution,
  solve,
  usersMax,
} from '../deployment/deployment.ts';
import { outputRate, perMillion } from '../deployment/price.ts';
import { refusalOf } from '../engines/contract/engine-profile.ts';
import type { PlanRequest } from '../engines/engine-list.ts';
import { engineProfile, prepare } from '../engines/engines.ts';
import type { RankQuestion } from './rank-question.ts';
import type { WeightChoice } from './weight-choices.ts';

export interface Candidate {
  readonly request: PlanRequest;
  readonly choice: WeightChoice;
}

export interface PlannedCandidate extends Candidate {
  readonly deployment: Deployment;
  readonly solution: Solution;
}

/**
 * The reason why a candidate does not serve the question. The closer the candidate, the earlier is its `stage` in
 * `lossStages`, and then the smaller its `distance`.
 */
export interface Loss {
  readonly stage: 'too-slow' | 'does-not-start' | 'does-not-fit' | 'cannot-fit' | 'refused';
  readonly distance: number;
  readonly message: string;
}

export const lossStages: readonly Loss['stage'][] = [
  'too-slow',
  'does-not-start',
  'does-not-fit',
  'cannot-fit',
  'refused',
];

/** Plans a candidate; returns a loss if the engine refuses it. */
export function planCandidate(candidate: Candidate): PlannedCandidate | Loss {
  const { request } = candidate;
  let deployment: Deployment | null = null;
  const refusal = refusalOf(() => {
    deployment = prepare(request);
  });
  return deployment === null || refusal !== null
    ? refusedBecause(refusal)
    : { ...candidate, deployment, solution: solve(deployment, request.workload) };
}

function refusedBecause(refusal: PlimsollError | null): Loss {
  return { stage: 'refused', distance: 0, message: refusal?.message ?? 'the engine refuses it' };
}

/** Returns the reason why the candidate does not hold all users; null if it does. */
export function memoryLoss(planned: PlannedCandidate): Loss | null {
  const { request, choice, deployment, solution } = planned;
  const { contextTokens, users } = request.workload;
  const wayBytes = choice.isMade ? bytesOnTheWay(planned) : 0;
  if (wayBytes > request.hardware.memory.usableBytes) {
    return doesNotFit(
      wayBytes - request.hardware.memory.usableBytes,
      `${choice.format} is made while loading, and the plain weights take ${formatBytes(wayBytes)} of a device`,
    );
  }
  if (solution.feasible && holdsSequence(deployment, contextTokens)) return null;
  if (contextTokens > deployment.contextMax) {
    const most = formatTokens(deployment.contextMax);
    return doesNotFit(Number.MAX_VALUE, `its longest context is ${most} tokens`);
  }
  const missing = neededBytes(deployment, users, contextTokens) - deployment.poolBytes;
  if (deployment.poolBytes <= 0) {
    const weights = formatBytes(deployment.weightBytes);
    const usable = formatBytes(deployment.capacityBytes);
    return doesNotFit(
      missing,
      `weights of ${weights} and the engine leave no room in the ${usable} of a device`,
    );
  }
  if (users > deployment.sequencesMax && missing <= 0) {
    return doesNotFit(
      0,
      `${deployment.sequencesLimit} ends at ${formatCount(deployment.sequencesMax)} users`,
    );
  }
  return doesNotFit(missing, `${formatBytes(missing)} short for the users`);
}

function doesNotFit(distance: number, message: string): Loss {
  return { stage: 'does-not-fit', distance, message };
}

/** Returns the bytes of the plain weights on a device, which the engine loads and then converts. */
function bytesOnTheWay({ request }: Candidate): number {
  return deviceWeights(request.spec, weightFormat(request.spec), request.parallelism).bytes;
}

/**
 * Returns a candidate that starts: the given one, or the given one with one more flag of the engine that still serves
 * the users. Each changed candidate is planned from the start.
 */
export function startingCandidate(planned: PlannedCandidate): PlannedCandidate | Loss {
  const { request, deployment } = planned;
  const profile = engineProfile(request.engine);
  const { starts, reason } = profile.start(request, deployment);
  if (starts) return planned;
  for (const change of profile.changes(request, deployment)) {
    if (change.size > 1) continue;
    const changed = planCandidate({ ...planned, request: change.apply(request) });
    if ('stage' in changed || memoryLoss(changed) !== null) continue;
    if (profile.start(changed.request, changed.deployment).starts) return changed;
  }
  return { stage: 'does-not-start', distance: 0, message: reason?.message ?? 'the engine does not start' };
}

/**
 * Returns the dollars per million output tokens if all devices together cost one dollar per hour, to compare equal
 * devices.
 */
export function perMillionAtOneUsd({ request, deployment, solution }: PlannedCandidate): number {
  return perMillion(1, outputRate(request, deployment, solution).tokensPerSecond);
}

/** Returns the dollars per hour of all devices; null if the device has no price. */
export function perHourUsd({ request }: Candidate): number | null {
  const { pricePerHourUsd } = request.hardware;
  return pricePerHourUsd === null ? null : pricePerHourUsd * deviceCount(request.parallelism);
}

/** Returns the largest number of users with this context that the candidate serves at once. */
export function usersServed({ request, deployment }: PlannedCandidate): number {
  return usersMax(deployment, request.workload.contextTokens);
}

/** Returns the reason why a candidate exceeds a limit of time; null if it does not. */
export function tooSlow(
  { tpotSecondsMax, ttftSecondsMax }: Pick<RankQuestion, 'tpotSecondsMax' | 'ttftSecondsMax'>,
  { solution }: PlannedCandidate,
): Loss | null {
  const { tpotSeconds, ttftSeconds } = solution;
  if (tpotSecondsMax !== undefined && tpotSeconds > tpotSecondsMax) {
    return slower(tpotSeconds / tpotSecondsMax, `${milliseconds(tpotSeconds)} per token`, tpotSecondsMax);
  }
  if (ttftSecondsMax === undefined || ttftSeconds <= ttftSecondsMax) return null;
  return slower(
    ttftSeconds / ttftSecondsMax,
    `${milliseconds(ttftSeconds)} to the first token`,
    ttftSecondsMax,
  );
}

function slower(distance: number, what: string, limitSeconds: number): Loss {
  return { stage: 'too-slow', distance, message: `${what}, over ${milliseconds(limitSeconds)}` };
}

export function milliseconds(seconds: number): string {
  const value = seconds * 1000;
  return `${value < 100 ? value.toFixed(1) : formatCount(Math.round(value))} ms`;
}
