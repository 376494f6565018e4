/** Turns the failures of a scenario into those of a simulation. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Deployment, PlanRequest } from '@plimsoll/planner';
import { hostLinkRate } from '@plimsoll/planner/speed';
import type { FailureModel } from '../failures/failures.ts';
import { durationSeconds, type Scenario } from './scenario-schema.ts';

/** What the time of a restart depends on. */
export interface StartedReplica {
  readonly request: { readonly hardware: Pick<PlanRequest['hardware'], 'name' | 'links'> };
  readonly deployment: Pick<Deployment, 'weightBytes'>;
}

/** Undefined for a scenario without failures. */
export function failuresOf(
  { failures }: Pick<Scenario, 'failures'>,
  pool: StartedReplica,
  replicaCount: number,
): FailureModel | undefined {
  if (failures === undefined) return undefined;
  const { meanTimeBetween, at = [], restart, requests } = failures;
  for (const { replica } of at) {
    if (replica >= replicaCount) throw unknownReplica(replica, replicaCount);
  }
  return {
    meanSeconds: meanTimeBetween === undefined ? null : durationSeconds(meanTimeBetween),
    listed: at.map(({ replica, time }) => ({ replica, atSeconds: durationSeconds(time) })),
    restartSeconds: restart === undefined ? weightLoadSeconds(pool) : durationSeconds(restart),
    requests,
  };
}

/** Seconds of the weights of a device over its link to the host: the least that a start takes. */
function weightLoadSeconds({ request, deployment }: StartedReplica): number {
  const rate = hostLinkRate(request.hardware);
  if (rate !== null) return deployment.weightBytes / rate;
  const { name } = request.hardware;
  throw new PlimsollError({
    code: 'unknown-link',
    message: `the registry knows no link of ${name} to its host, so the time of a restart is unknown`,
    value: name,
    hint: 'state the time of a restart, such as failures: { restart: 2min }',
  });
}

function unknownReplica(replica: number, replicaCount: number): PlimsollError {
  return new PlimsollError({
    code: 'unknown-replica',
    message: `failures.at names replica ${replica}; the scenario has ${replicaCount}, numbered from 0`,
    value: replica,
    limit: replicaCount - 1,
    hint: 'name a replica of the scenario, or raise count',
  });
}
