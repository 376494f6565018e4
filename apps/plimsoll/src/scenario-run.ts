/** Runs a scenario: resolves its names, prepares the deployment, simulates, and judges the report. */

import { PlimsollError } from '@plimsoll/foundation';
import { type Deployment, type PlanRequest, prepare } from '@plimsoll/planner';
import { type EngineName, engineFace } from '@plimsoll/planner/engines';
import { requestSeconds } from '@plimsoll/planner/speed';
import {
  assertionVerdicts,
  meanLengths,
  readTrace,
  replicaModel,
  reportOf,
  type SimulationInput,
  type SimulationOutcome,
  simulate,
  sloVerdicts,
} from '@plimsoll/simulator';
import {
  durationSeconds,
  replicaCountOf,
  requestLimits,
  type Scenario,
  workloadOf,
} from '@plimsoll/simulator/scenario';
import { modelOfArgument } from './command-model.ts';
import { flagKey } from './option-flags.ts';
import { type PlanFlags, planRequest } from './plan-flags.ts';
import type { SimulateAnswer } from './simulate-schema.ts';

export interface ScenarioRun {
  readonly answer: SimulateAnswer;
  readonly outcome: SimulationOutcome;
  /** Sentences about the prediction: rules of the engine, approximations. */
  readonly notes: readonly string[];
}

export interface ScenarioRunOptions {
  /** True to keep the steps for a Chrome trace. */
  readonly traces: boolean;
  /** True to count rows of a trace that cannot be read, and to leave them out. */
  readonly skipsBadRows: boolean;
  /** Returns the text of a trace file. */
  readonly readText: (path: string) => string;
}

export async function runScenario(scenario: Scenario, options: ScenarioRunOptions): Promise<ScenarioRun> {
  const request = await requestOf(scenario);
  const deployment = prepare(request);
  const trace = traceOf(scenario, options);
  const workload = workloadOf(scenario, trace);
  const lengths = meanLengths(workload);
  const input = inputOf(scenario, { request, deployment, workload, lengths, traces: options.traces });
  const outcome = simulate(input);
  const report = reportOf(input, outcome);
  const answer: SimulateAnswer = {
    scenario: {
      model: request.spec.id,
      hardware: request.hardware.id,
      devices: scenario.count,
      replicas: input.replicaCount,
      engine: request.engine,
      engineVersion: deployment.engineVersion,
      seed: scenario.workload.seed,
    },
    ...report,
    cost: costOf(scenario, request, report.throughput.outputTokensPerSecond),
    slo: [...sloVerdicts(report, scenario)],
    assert: [...assertionVerdicts(report, scenario)],
  };
  const skipped = trace?.skipped ?? 0;
  const skips = skipped === 0 ? [] : [`${skipped} rows of the trace cannot be read and are left out`];
  return { answer, outcome, notes: [...deployment.notes, ...skips] };
}

/** The file of the scenario's trace; null without a trace. */
export function traceOf(
  { workload }: Scenario,
  options: Pick<ScenarioRunOptions, 'skipsBadRows' | 'readText'>,
): ReturnType<typeof readTrace> | null {
  const { trace } = workload.arrivals;
  if (trace === undefined) return null;
  return readTrace(options.readText(trace.file), trace.file, options.skipsBadRows);
}

/** The question to the planner that a scenario asks, by the flags of `plimsoll plan`. */
async function requestOf(scenario: Scenario): Promise<PlanRequest> {
  const { layout, engine, weights, kv, context, options = {} } = scenario;
  const named = await modelOfArgument(scenario.model, {});
  const flags: PlanFlags = {
    ...flagsOfOptions(options),
    gpu: scenario.hardware,
    tp: String(layout.tp),
    pp: String(layout.pp),
    dp: String(layout.dp),
    ...(layout.ep && { ep: true }),
    ...(engine !== undefined && { engine }),
    ...(kv !== undefined && { kv }),
    ...(context !== undefined && { context: String(context) }),
    ...(scenario.limits.maxSeqs !== undefined && { users: String(scenario.limits.maxSeqs) }),
    ...(weights !== undefined ? { weights } : named.weights !== null && { weights: named.weights }),
  };
  const model = { spec: named.spec, reference: named.reference, draft: null };
  const request = planRequest(model, flags);
  const limited = stepLimit(scenario, request.engine);
  return limited === null ? request : planRequest(model, { ...flags, ...limited });
}

/**
 * The flag of the engine for the tokens of a step, which also changes what its steps need of the memory. Null if the
 * scenario leaves the limit to the engine, or if the engine has no such flag.
 */
function stepLimit({ limits, options = {} }: Scenario, engine: EngineName): PlanFlags | null {
  const { batchedTokens } = limits;
  const { serving, options: specs } = engineFace(engine);
  const name = serving?.tokensOption;
  if (batchedTokens === undefined || name === undefined || !specs.some((spec) => spec.name === name)) {
    return null;
  }
  const own = Object.entries(options).find(([key]) => key.replace(/^--/, '') === name);
  if (own !== undefined && Number(own[1]) !== batchedTokens) {
    throw new PlimsollError({
      code: 'bad-scenario',
      message: `limits.batchedTokens says ${batchedTokens}, and options.${name} says ${own[1]}`,
      value: batchedTokens,
      hint: 'keep one of them',
    });
  }
  return { [flagKey(name)]: String(batchedTokens) };
}

/** The options of a scenario as commander reads them from a command line. */
export function flagsOfOptions(options: NonNullable<Scenario['options']>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [flagKey(name.replace(/^--/, '')), optionValue(value)]),
  );
}

function optionValue(value: string | number | boolean): string | boolean {
  return typeof value === 'number' ? String(value) : value;
}

export interface PreparedScenario {
  readonly request: PlanRequest;
  readonly deployment: Deployment;
  readonly workload: ReturnType<typeof workloadOf>;
  /** Of the workload; a search computes them once for all candidates. */
  readonly lengths: ReturnType<typeof meanLengths>;
  readonly traces: boolean;
}

/** Throws `engine-without-scheduler` for the profile without an engine. */
export function inputOf(
  scenario: Scenario,
  { request, deployment, workload, lengths, traces }: PreparedScenario,
): SimulationInput {
  const { limits, prefixCaching, frontEnd } = scenario;
  const { name, serving: rules } = engineFace(request.engine);
  if (rules === null) {
    throw new PlimsollError({
      code: 'engine-without-scheduler',
      message: `a simulation needs the scheduler of an engine; "${name}" has none`,
      value: name,
      hint: 'name an engine in the scenario, such as engine: vllm',
    });
  }
  return {
    replica: replicaModel({
      deployment,
      parallelism: request.parallelism,
      rules,
      sequencesMax: limits.maxSeqs ?? null,
      stepTokensMax: limits.batchedTokens ?? deployment.stepTokensMax,
      prefixCaching,
      meanTokens: lengths.prompt + lengths.output / 2,
    }),
    replicaCount: replicaCountOf(scenario),
    router: scenario.router,
    workload,
    frontEndSeconds:
      frontEnd === undefined ? requestSeconds(name, lengths.prompt) : durationSeconds(frontEnd),
    limits: requestLimits(scenario),
    simulatedSecondsMax: durationSeconds(scenario.simulatedTimeMax),
    traces,
  };
}

/** US dollars per hour of all devices, and per million output tokens at the simulated rate. */
function costOf(scenario: Scenario, { hardware }: PlanRequest, outputRate: number): SimulateAnswer['cost'] {
  const each = scenario.cost?.perHourUsd ?? hardware.pricePerHourUsd;
  if (each === null || outputRate === 0) return null;
  const perHourUsd = each * scenario.count;
  return { perHourUsd, perMillionOutputUsd: (perHourUsd / 3600 / outputRate) * 1e6 };
}
