/** Turns the result of a search into the answer of `plimsoll optimize`: rows, and sentences that explain them. */
import { formatSeconds } from '@plimsoll/foundation';
import type { ExpectedLoad } from '@plimsoll/planner/export';
import type { ReplicaCandidate } from '@plimsoll/planner/rank';
import {
  hourlyUsd,
  type Objective,
  type OptimizeResult,
  paretoFront,
  runnerUpOf,
  type Trial,
  tightest,
} from '@plimsoll/simulator/optimize';
import type { OptimizeAnswer, OptimizeRow } from './optimize-schema.ts';

interface Planned {
  readonly replica: ReplicaCandidate;
}

type PlannedTrial = Trial<Planned>;

export interface OptimizeOutcome {
  readonly answer: OptimizeAnswer;
  /** The winner as an export takes it; null if nothing holds the SLOs. */
  readonly exported:
    | (Pick<ReplicaCandidate, 'request' | 'deployment'> & {
        readonly replicas: number;
        readonly load: ExpectedLoad;
      })
    | null;
}

export interface SearchFacts {
  readonly objective: Objective;
  readonly considered: number;
  readonly planned: number;
  readonly leftOut: OptimizeAnswer['leftOut'];
  readonly load: ExpectedLoad;
  readonly result: OptimizeResult<Planned>;
}

export function optimizeAnswer(facts: SearchFacts): OptimizeOutcome {
  const { objective, considered, planned, leftOut, load, result } = facts;
  const { trials, meeting, counts } = result;
  const winner = meeting[0] ?? null;
  const runnerUp = runnerUpOf(meeting);
  const answer: OptimizeAnswer = {
    objective,
    candidates: { considered, planned, ...counts, simulations: trials.length },
    winner: winner === null ? null : rowOf(winner),
    runnerUp: runnerUp === null ? null : rowOf(runnerUp),
    why: winner === null ? [] : sentences(objective, winner, runnerUp),
    front: frontOf(trials).map(rowOf),
    nearest: winner === null ? nearestMiss(result) : null,
    leftOut: [...leftOut],
  };
  if (winner === null) return { answer, exported: null };
  const { request, deployment } = winner.option.candidate.replica;
  return { answer, exported: { request, deployment, replicas: winner.replicas, load } };
}

function rowOf({ option, replicas, report, slo, meets }: PlannedTrial): OptimizeRow {
  const { request, deployment, checkpoint } = option.candidate.replica;
  const { tensor, pipeline, data, expertParallel } = request.parallelism;
  const perHourUsd = hourlyUsd({ option, replicas });
  const { outputTokensPerSecond } = report.throughput;
  return {
    hardware: request.hardware.id,
    hardwareName: request.hardware.name,
    devices: option.devices * replicas,
    replicas,
    layout: { tp: tensor, pp: pipeline, dp: data, ep: expertParallel },
    engine: deployment.engine,
    engineVersion: deployment.engineVersion,
    checkpoint,
    weights: deployment.formats.weights,
    kv: deployment.formats.kvCache,
    meets,
    perHourUsd,
    perMillionOutputUsd:
      perHourUsd === null || outputTokensPerSecond === 0
        ? null
        : (perHourUsd / 3600 / outputTokensPerSecond) * 1e6,
    goodputRequestsPerSecond: report.goodput?.requestsPerSecond ?? 0,
    outputTokensPerSecond,
    ttft: report.ttft,
    itl: report.itl,
    e2e: report.e2e,
    slo: [...slo],
    command: deployment.command,
  };
}

/** The front of the rows that hold the SLOs, cheapest first. */
function frontOf(trials: readonly PlannedTrial[]): readonly PlannedTrial[] {
  return paretoFront(trials.filter(({ meets }) => meets)).toSorted(
    (left, right) =>
      (hourlyUsd(left) ?? Infinity) - (hourlyUsd(right) ?? Infinity) ||
      left.replicas * left.option.devices - right.replicas * right.option.devices,
  );
}

function sentences(objective: Objective, winner: PlannedTrial, runnerUp: PlannedTrial | null): string[] {
  const first = `${titleOf(winner)} holds every limit ${gainOf(objective, winner)}; ${tightestText(winner)}.`;
  if (runnerUp === null) return [first, 'No other devices or layouts that were simulated hold the limits.'];
  return [
    first,
    `${titleOf(runnerUp)} comes next: ${differenceText(objective, winner, runnerUp)}; ${tightestText(runnerUp)}.`,
  ];
}

/** "2 x NVIDIA H100 SXM 80GB as 2 replicas (tp1, vllm, weights fp8, KV cache fp8)". */
function titleOf({ option, replicas }: Pick<PlannedTrial, 'option' | 'replicas'>): string {
  const { request, deployment } = option.candidate.replica;
  const { tensor, expertParallel } = request.parallelism;
  const split = replicas === 1 ? '1 replica' : `${replicas} replicas`;
  const layout = `tp${tensor}${expertParallel ? ' ep' : ''}`;
  const { weights, kvCache } = deployment.formats;
  return `${option.devices * replicas} x ${request.hardware.name} as ${split} (${layout}, ${deployment.engine}, weights ${shortFormat(weights)}, KV cache ${kvCache})`;
}

/** A format without the remark on where its scheme was read. */
export function shortFormat(format: string): string {
  return format.replace(/ \(.*\)$/, '');
}

function gainOf(objective: Objective, trial: PlannedTrial): string {
  if (objective === 'goodput') return `at ${rate(trial)} good requests/s`;
  const usd = hourlyUsd(trial);
  const price = usd === null ? 'without a known price' : `for $${usd.toFixed(2)} per hour`;
  return objective === 'gpus' ? `with the fewest devices, ${price}` : price;
}

function rate({ report }: PlannedTrial): string {
  return (report.goodput?.requestsPerSecond ?? 0).toFixed(2);
}

function differenceText(objective: Objective, winner: PlannedTrial, other: PlannedTrial): string {
  if (objective === 'goodput') return `${rate(other)} good requests/s`;
  const [cheap, dear] = [hourlyUsd(winner), hourlyUsd(other)];
  const devices = `${other.option.devices * other.replicas} devices`;
  const price = cheap === null || dear === null ? '' : `$${dear.toFixed(2)} per hour`;
  if (objective === 'gpus') return price === '' ? devices : `${devices}, ${price}`;
  if (cheap === dear) return 'the same price';
  return `${price}, ${((dear ?? 0) / Math.max(cheap ?? 0, Number.MIN_VALUE)).toFixed(2)} times the price`;
}

function tightestText({ slo }: PlannedTrial): string {
  const worst = tightest(slo);
  if (worst === null) return 'there is no limit';
  const { name, seconds, limitSeconds } = worst.verdict;
  const found = seconds === null ? 'no value' : formatSeconds(seconds);
  return `its tightest limit is ${name}, ${found} of ${formatSeconds(limitSeconds)}`;
}

/** The simulated row that exceeds its SLOs least, or the bound that does. */
function nearestMiss({ nearest, nearestBound }: OptimizeResult<Planned>): OptimizeAnswer['nearest'] {
  if (nearest !== null) {
    const { stable, unstableReason, requests } = nearest.report;
    const why = !stable
      ? `it has no steady state: ${unstableReason}`
      : requests.refused > 0
        ? `it refuses ${requests.refused} requests`
        : tightestText(nearest);
    return { row: rowOf(nearest), message: `${titleOf(nearest)}: ${why}` };
  }
  if (nearestBound === null) return null;
  const { option, broken } = nearestBound;
  return {
    row: null,
    message: `${titleOf({ option, replicas: 1 })}: ${broken.name} is at least ${formatSeconds(broken.seconds)}, over ${formatSeconds(broken.limitSeconds)}`,
  };
}
