/** Converts a candidate and its outcome to a row. */
import { formatCount } from '@plimsoll/foundation';
import { deviceCount } from '../bytes/parallelism.ts';
import { defaultKvFormat } from '../question/plan-input.ts';
import {
  type Candidate,
  type Loss,
  type PlannedCandidate,
  perHourUsd,
  perMillionAtOneUsd,
  usersServed,
} from './candidate.ts';
import type { RankRow } from './rank-question.ts';

export interface Outcome {
  readonly candidate: Candidate;
  /** Null if the candidate is lost without a plan. */
  readonly planned: PlannedCandidate | null;
  readonly loss: Loss | null;
}

export function rowOf({ candidate, planned, loss }: Outcome): RankRow {
  const { request, choice } = candidate;
  const { hardware, parallelism, workload, engine } = request;
  const { tensor, pipeline, data, expertParallel } = parallelism;
  const serves = planned !== null && loss === null;
  const hour = perHourUsd(candidate);
  const usersMax = planned === null ? 0 : usersServed(planned);
  const { spec, format } = choice;
  const formats = planned?.deployment.formats ?? {
    weights: format ?? spec.quantization?.weights ?? spec.elementType,
    kvCache: request.kvFormat ?? defaultKvFormat(spec, spec.elementType),
  };
  return {
    hardware: hardware.id,
    hardwareName: hardware.name,
    count: deviceCount(parallelism),
    layout: { tp: tensor, pp: pipeline, dp: data, ep: expertParallel },
    engine,
    checkpoint: choice.converted ?? spec.id,
    weights: formats.weights,
    kv: formats.kvCache,
    serves,
    usersMax,
    tpotSeconds: planned?.solution.tpotSeconds ?? null,
    ttftSeconds: planned?.solution.ttftSeconds ?? null,
    perHourUsd: hour,
    perMillionOutputUsd: serves && hour !== null ? hour * perMillionAtOneUsd(planned) : null,
    lost: loss === null ? null : lostText(loss, usersMax, workload.users),
    command: serves ? planned.deployment.command : null,
  };
}

function lostText({ stage, message }: Loss, usersMax: number, users: number): string {
  if (stage !== 'does-not-fit' || usersMax === 0) return message;
  return `${formatCount(usersMax)} of ${formatCount(users)} users fit`;
}
