/** Searches the deployment of a scenario: plans the candidates, simulates the best, and explains the result. */
import { PlimsollError } from '@plimsoll/foundation';
import { engineFace } from '@plimsoll/planner/engines';
import type { ExpectedLoad } from '@plimsoll/planner/export';
import { type RankQuestion, type ReplicaCandidate, replicaCandidates } from '@plimsoll/planner/rank';
import { resolveHardware } from '@plimsoll/registry';
import { meanLengths, reportOf, type SimulationInput, simulate } from '@plimsoll/simulator';
import {
  type Objective,
  type OfferedLoad,
  offeredLoad,
  optimize,
  type ReplicaOption,
} from '@plimsoll/simulator/optimize';
import {
  type PreparedScenario,
  requestLimits,
  type Scenario,
  simulationInput,
  workloadOf,
} from '@plimsoll/simulator/scenario';
import { modelOfArgument } from './command-model.ts';
import { badFlag } from './flag-values.ts';
import { type OptimizeOutcome, optimizeAnswer } from './optimize-answer.ts';
import { optionsOf } from './option-flags.ts';
import { printMessage } from './output.ts';
import { rankQuestion } from './rank-flags.ts';
import { flagsOfOptions, traceOf } from './scenario-run.ts';

export interface OptimizeRunOptions {
  readonly objective: Objective;
  /** Names of devices, separated by commas; undefined for every device of the registry. */
  readonly gpu: string | undefined;
  readonly price: readonly string[] | undefined;
  readonly devicesMax: number;
  readonly skipsBadRows: boolean;
  readonly readText: (path: string) => string;
  /** Called with the share that is done and the same in words. */
  readonly onProgress: (share: number, words: string) => void;
}

/** A candidate, and the simulation of one replica of it. */
interface Prepared {
  readonly replica: ReplicaCandidate;
  readonly input: SimulationInput;
}

export async function runOptimize(scenario: Scenario, options: OptimizeRunOptions): Promise<OptimizeOutcome> {
  const { objective, onProgress } = options;
  const slo = sloOf(scenario);
  const workload = workloadOf(scenario, traceOf(scenario, options));
  const load = offeredLoad(workload, scenario.prefixCaching);
  const drawn = { workload, lengths: meanLengths(workload) };
  const question = await questionOf(scenario, options);
  const planned = replicaCandidates(question, (done, total) =>
    onProgress((0.3 * done) / total, `planning: ${done} of ${total} devices`),
  );
  const leftOut = [...planned.leftOut];
  const prepared: Prepared[] = [];
  for (const replica of planned.candidates) {
    const reason = unsuited(replica, objective);
    const made = reason === null ? preparedOf(scenario, replica, drawn) : reason;
    if (typeof made !== 'string') prepared.push(made);
    else if (!leftOut.some(({ hardware }) => hardware === replica.request.hardware.id))
      leftOut.push({ hardware: replica.request.hardware.id, reason: made });
  }
  const result = optimize<Prepared>({
    objective,
    slo,
    load,
    options: prepared.map(optionOf),
    devicesMax: options.devicesMax,
    boundedOf: ({ input }) => input,
    requests: workload.requests,
    simulate: ({ input }, replicaCount, endsEarly) => {
      const run = { ...input, replicaCount, ...(endsEarly !== undefined && { endsEarly }) };
      return reportOf(run, simulate(run));
    },
    onTrial: (trials, done, all) =>
      onProgress(0.3 + (0.7 * done) / all, `${trials} simulations, ${done} of ${all} candidates`),
  });
  return optimizeAnswer({
    objective,
    considered: planned.considered,
    leftOut,
    load: expectedLoad(load, { ...scenario, slo }),
    result,
    planned: prepared.length,
  });
}

function sloOf({ slo }: Scenario): NonNullable<Scenario['slo']> {
  if (slo !== undefined && Object.keys(slo).length > 0) return slo;
  throw new PlimsollError({
    code: 'slo-missing',
    message: 'a search needs SLOs: without them the slowest device is the cheapest',
    hint: '--slo ttft-p99=500ms,itl-p99=40ms, or slo in the scenario',
  });
}

async function questionOf(
  { model, hardware, engine, weights, kv, context, limits, options, cost }: Scenario,
  { gpu, price }: OptimizeRunOptions,
): Promise<RankQuestion> {
  const named = await modelOfArgument(model, {});
  const format = weights ?? named.weights ?? undefined;
  const question = rankQuestion(named.spec, named.reference, {
    ...(gpu !== undefined && { gpu }),
    ...(price !== undefined && { price }),
    ...(engine !== undefined && { engine }),
    ...(format !== undefined && { weights: format }),
    ...(kv !== undefined && { kv }),
    ...(context !== undefined && { context: String(context) }),
    users: String(limits.maxSeqs ?? 1),
  });
  if ((question.counts?.size ?? 0) > 0)
    throw badFlag('gpu', gpu ?? '', 'names of devices without numbers; --max-gpus limits their number');
  const owned = cost === undefined ? null : resolveHardware(hardware).id;
  return {
    ...question,
    devices: question.devices.map((device) =>
      device.id === owned ? { ...device, pricePerHourUsd: cost?.perHourUsd ?? null } : device,
    ),
    options: engineOptions(question, options),
    usersAreDefault: limits.maxSeqs === undefined,
  };
}

function engineOptions({ engine }: RankQuestion, options: Scenario['options']): RankQuestion['options'] {
  if (options === undefined) return undefined;
  if (engine !== undefined)
    return optionsOf(flagsOfOptions(options), engine, { isOneEngine: true, note: printMessage });
  throw new PlimsollError({
    code: 'options-without-engine',
    message: 'the scenario has options of an engine and does not name the engine',
    value: Object.keys(options).join(', '),
    hint: 'name the engine in the scenario, such as engine: vllm',
  });
}

function unsuited({ request }: ReplicaCandidate, objective: Objective): string | null {
  const { name, title, serving } = engineFace(request.engine);
  if (serving === null) return `${title ?? name} has no scheduler to simulate`;
  const isUnpriced = objective === 'cost' && request.hardware.pricePerHourUsd === null;
  return isUnpriced ? 'no price is known (--price)' : null;
}

/** Returns the reason if the simulator cannot run the candidate. */
function preparedOf(
  scenario: Scenario,
  replica: ReplicaCandidate,
  drawn: Pick<PreparedScenario, 'workload' | 'lengths'>,
): Prepared | string {
  const { request, deployment } = replica;
  const { tensor, expertParallel } = request.parallelism;
  const alone: Scenario = {
    ...scenario,
    disaggregation: undefined,
    count: tensor,
    layout: { tp: tensor, pp: 1, dp: 1, ep: expertParallel },
  };
  try {
    return { replica, input: simulationInput(alone, { ...drawn, request, deployment, traces: false }) };
  } catch (error) {
    if (error instanceof PlimsollError) return error.message;
    throw error;
  }
}

function optionOf(candidate: Prepared): ReplicaOption<Prepared> {
  const { request, quality } = candidate.replica;
  const { hardware, parallelism } = request;
  const { tensor, expertParallel } = parallelism;
  const { pricePerHourUsd } = hardware;
  return {
    candidate,
    devices: tensor,
    perHourUsd: pricePerHourUsd === null ? null : pricePerHourUsd * tensor,
    quality,
    hardware: `${hardware.id} tp${tensor}${expertParallel ? ' ep' : ''}`,
  };
}

function expectedLoad(load: OfferedLoad, scenario: Scenario): ExpectedLoad {
  return {
    promptTokens: load.promptMean,
    outputTokens: load.outputMean,
    requestsPerSecond: load.requestsPerSecond,
    clients: load.clients,
    ...requestLimits(scenario),
  };
}
