/** Runs a scenario: resolves its names, prepares the deployment, simulates, and judges the report. */
import { type PlanRequest, prepare } from '@plimsoll/planner';
import regions from '@plimsoll/registry/regions' with { type: 'json' };
import { meanLengths, readTrace, type SimulationOutcome, simulate } from '@plimsoll/simulator';
import {
  gridOf,
  type PreparedScenario,
  poolScenarios,
  replicaLayoutOf,
  type Scenario,
  scenarioAnswer,
  simulationInput,
  stepLimitOf,
  workloadOf,
} from '@plimsoll/simulator/scenario';
import { modelOfArgument } from './command-model.ts';
import { flagKey, refuseUnknownOption } from './option-flags.ts';
import { type PlanFlags, planRequest } from './plan-flags.ts';
import { speculationOf } from './scenario-draft.ts';
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
  const [scenarioOfAll, decodeScenario] = poolScenarios(scenario);
  const { request, deployment } = await plannedOf(scenarioOfAll);
  const decode = decodeScenario === undefined ? undefined : await plannedOf(decodeScenario);
  const trace = traceOf(scenario, options);
  const workload = workloadOf(scenario, trace);
  const lengths = meanLengths(workload);
  const speculation = await speculationOf(scenario, request);
  const drawn = { workload, lengths, speculation, gramsPerKwh: gridOf(scenario, regions.regions) };
  const prepared = { request, deployment, decode, ...drawn, traces: options.traces };
  const input = simulationInput(scenario, prepared);
  const outcome = simulate(input);
  const { slo, assert, ...rest } = scenarioAnswer(scenario, prepared, { input, outcome });
  const answer: SimulateAnswer = { ...rest, slo: [...slo], assert: [...assert] };
  const notes = new Set([...deployment.notes, ...(decode?.deployment.notes ?? [])]);
  const skipped = trace?.skipped ?? 0;
  const skips = skipped === 0 ? [] : [`${skipped} rows of the trace cannot be read and are left out`];
  return { answer, outcome, notes: [...notes, ...skips] };
}

async function plannedOf(scenario: Scenario): Promise<Pick<PreparedScenario, 'request' | 'deployment'>> {
  const request = await requestOf(scenario);
  return { request, deployment: prepare(request) };
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
  const { engine, weights, kv, context, options = {} } = scenario;
  const named = await modelOfArgument(scenario.model, {});
  const { tp, pp, dp, ep } = replicaLayoutOf(scenario, named.spec);
  const flags: PlanFlags = {
    ...flagsOfOptions(options),
    gpu: scenario.hardware,
    tp: String(tp),
    pp: String(pp),
    dp: String(dp),
    ...(ep && { ep: true }),
    ...(engine !== undefined && { engine }),
    ...(kv !== undefined && { kv }),
    ...(context !== undefined && { context: String(context) }),
    ...(scenario.limits.maxSeqs !== undefined && { users: String(scenario.limits.maxSeqs) }),
    ...(weights !== undefined ? { weights } : named.weights !== null && { weights: named.weights }),
  };
  const model = { spec: named.spec, reference: named.reference, draft: null };
  const request = planRequest(model, flags);
  const limit = stepLimitOf(scenario, request.engine);
  if (limit === null) return request;
  return planRequest(model, { ...flags, [flagKey(limit.option)]: String(limit.tokens) });
}

/** The options of a scenario as commander reads them from a command line. Refuses names that no engine has. */
export function flagsOfOptions(options: NonNullable<Scenario['options']>): Readonly<Record<string, unknown>> {
  for (const name of Object.keys(options)) refuseUnknownOption(name.replace(/^--/, ''));
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [flagKey(name.replace(/^--/, '')), optionValue(value)]),
  );
}

function optionValue(value: string | number | boolean): string | boolean {
  return typeof value === 'number' ? String(value) : value;
}
