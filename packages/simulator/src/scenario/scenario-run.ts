/** From a scenario with its planned deployment to a simulation, and from the simulation to the answer, for program and page. */
import { assert, PlimsollError } from '@plimsoll/foundation';
import type { Deployment, PlanRequest } from '@plimsoll/planner';
import { type EngineName, engineFace, policyOf } from '@plimsoll/planner/engines';
import { requestSeconds } from '@plimsoll/planner/speed';
import { replicaModel } from '../replica-model.ts';
import { reportOf, type SimulationReport } from '../report.ts';
import type { SimulationInput, SimulationOutcome } from '../simulate.ts';
import type { SpeculationQuestion } from '../speculation-model.ts';
import { type AssertionVerdict, assertionVerdicts, type SloVerdict, sloVerdicts } from '../verdicts.ts';
import type { meanLengths } from '../workload/mean-lengths.ts';
import { type EnergyReport, energyOf } from './scenario-energy.ts';
import { failuresOf } from './scenario-failures.ts';
import { hostCacheOf } from './scenario-host-cache.ts';
import { kvLinkOf, type PlannedPool, poolScenarios } from './scenario-pools.ts';
import { durationSeconds, type Scenario } from './scenario-schema.ts';
import { replicaCountOf, replicaLayoutOf, requestLimits, type workloadOf } from './scenario-workload.ts';

export interface PreparedScenario {
  /** The pool that decodes; undefined without disaggregation. `request` and `deployment` are then those that prefill. */
  readonly decode?: PlannedPool | undefined;
  readonly request: PlanRequest;
  readonly deployment: Deployment;
  readonly workload: ReturnType<typeof workloadOf>;
  /** Of the workload; a search computes them once for all candidates. */
  readonly lengths: ReturnType<typeof meanLengths>;
  /** Grams of CO2 equivalent per kWh where the devices are; default: not known. */
  readonly gramsPerKwh?: number | null;
  /** Default: none. */
  readonly speculation?: SpeculationQuestion | null;
  readonly traces: boolean;
}

/** A report, with the model, device and engine of the scenario, its price, and its verdicts. */
export interface ScenarioAnswer extends SimulationReport {
  readonly scenario: {
    readonly model: string;
    readonly hardware: string;
    readonly devices: number;
    readonly replicas: number;
    readonly engine: string;
    readonly engineVersion: string | null;
    readonly seed: number;
  };
  /** Null if the device has no price. */
  readonly cost: { readonly perHourUsd: number; readonly perMillionOutputUsd: number } | null;
  /** Null if the device has no known power, or if no request was answered. */
  readonly energy: EnergyReport | null;
  readonly slo: readonly SloVerdict[];
  readonly assert: readonly AssertionVerdict[];
}

/** Throws `engine-without-scheduler` for the profile without an engine. */
export function simulationInput(
  scenario: Scenario,
  { request, deployment, decode, workload, lengths, speculation = null, traces }: PreparedScenario,
): SimulationInput {
  const { frontEnd, disaggregation } = scenario;
  const [prefillScenario, decodeScenario] = poolScenarios(scenario);
  const { name } = engineFace(request.engine);
  const pool = { request, deployment };
  assert((disaggregation === undefined) === (decode === undefined), 'the decode pool has a plan of its own');
  const replicaCount = replicaCountOf({
    ...prefillScenario,
    layout: replicaLayoutOf(prefillScenario, request.spec),
  });
  const failures = failuresOf(scenario, pool, replicaCount);
  return {
    replica: replicaOf(scenario, pool, { lengths, speculation }),
    replicaCount,
    ...(failures !== undefined && { failures }),
    ...(disaggregation !== undefined &&
      decode !== undefined &&
      decodeScenario !== undefined && {
        disaggregation: {
          decode: replicaOf(scenario, decode, { lengths }),
          decodeCount: replicaCountOf({
            ...decodeScenario,
            layout: replicaLayoutOf(decodeScenario, request.spec),
          }),
          link: kvLinkOf(disaggregation, pool, decode),
        },
      }),
    router: scenario.router,
    workload,
    frontEndSeconds:
      frontEnd === undefined ? requestSeconds(name, lengths.prompt) : durationSeconds(frontEnd),
    limits: requestLimits(scenario),
    simulatedSecondsMax: durationSeconds(scenario.simulatedTimeMax),
    traces,
  };
}

function replicaOf(
  scenario: Scenario,
  { request, deployment }: PlannedPool,
  { lengths, speculation }: Pick<PreparedScenario, 'lengths' | 'speculation'>,
): SimulationInput['replica'] {
  const { limits, prefixCaching } = scenario;
  const { name, serving } = engineFace(request.engine);
  if (serving === null) {
    throw new PlimsollError({
      code: 'engine-without-scheduler',
      message: `a simulation needs the scheduler of an engine; "${name}" has none`,
      value: name,
      hint: 'name an engine in the scenario, such as engine: vllm',
    });
  }
  return replicaModel({
    deployment,
    rules: policyOf(serving, { release: deployment.engineVersion, month: null }),
    sequencesMax: limits.maxSeqs ?? null,
    stepTokensMax: limits.batchedTokens ?? deployment.stepTokensMax,
    prefixCaching,
    meanTokens: lengths.prompt + lengths.output / 2,
    speculation,
    hostCache: hostCacheOf(scenario, request),
  });
}

/** Keys have a fixed order, so that equal runs give equal bytes of JSON. */
export function scenarioAnswer(
  scenario: Scenario,
  {
    request,
    deployment,
    decode,
    gramsPerKwh = null,
  }: Pick<PreparedScenario, 'request' | 'deployment' | 'decode' | 'gramsPerKwh'>,
  { input, outcome }: { readonly input: SimulationInput; readonly outcome: SimulationOutcome },
): ScenarioAnswer {
  const report = reportOf(input, outcome);
  return {
    scenario: {
      model: request.spec.id,
      hardware: request.hardware.id,
      devices: poolScenarios(scenario).reduce((sum, { count }) => sum + count, 0),
      replicas: input.replicaCount + (input.disaggregation?.decodeCount ?? 0),
      engine: request.engine,
      engineVersion: deployment.engineVersion,
      seed: scenario.workload.seed,
    },
    ...report,
    cost: costOf(scenario, [request, decode?.request], report.throughput.outputTokensPerSecond),
    energy: energyOf(report, { ...powerOf(scenario, [request, decode?.request]), gramsPerKwh }),
    slo: sloVerdicts(report, scenario),
    assert: assertionVerdicts(report, scenario),
  };
}

/** All devices, and the mean power of a device by the data sheets. `requests`: one per pool. */
function powerOf(
  scenario: Scenario,
  requests: readonly (PlanRequest | undefined)[],
): Pick<Parameters<typeof energyOf>[1], 'scenario' | 'tdpWatts'> {
  let [devices, watts]: [number, number | null] = [0, 0];
  for (const [pool, { count }] of poolScenarios(scenario).entries()) {
    const each = requests[pool]?.hardware.tdpWatts ?? null;
    devices += count;
    watts = watts === null || each === null ? null : watts + each * count;
  }
  const { energy } = scenario;
  return { scenario: { count: devices, energy }, tdpWatts: watts === null ? null : watts / devices };
}

/** US dollars per hour of all devices, and per million output tokens at the simulated rate. `requests`: one per pool. */
function costOf(
  scenario: Scenario,
  requests: readonly (PlanRequest | undefined)[],
  outputRate: number,
): ScenarioAnswer['cost'] {
  let perHourUsd = 0;
  for (const [pool, { count }] of poolScenarios(scenario).entries()) {
    const each = scenario.cost?.perHourUsd ?? requests[pool]?.hardware.pricePerHourUsd ?? null;
    if (each === null) return null;
    perHourUsd += each * count;
  }
  if (outputRate === 0) return null;
  return { perHourUsd, perMillionOutputUsd: (perHourUsd / 3600 / outputRate) * 1e6 };
}

/** An option of an engine. */
export interface StepLimit {
  /** As `plimsoll plan` calls the option. */
  readonly option: string;
  readonly tokens: number;
}

/**
 * The option of the engine for the tokens of a step, which also changes what its steps need of the memory. Null if the
 * scenario leaves the limit to the engine, or if the engine has no such option.
 */
export function stepLimitOf({ limits, options = {} }: Scenario, engine: EngineName): StepLimit | null {
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
  return { option: name, tokens: batchedTokens };
}
