/** From a scenario with its planned deployment to a simulation, and from the simulation to the answer, for program and page. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Deployment, PlanRequest } from '@plimsoll/planner';
import { type EngineName, engineFace } from '@plimsoll/planner/engines';
import { requestSeconds } from '@plimsoll/planner/speed';
import { replicaModel } from '../replica-model.ts';
import { reportOf, type SimulationReport } from '../report.ts';
import type { SimulationInput, SimulationOutcome } from '../simulate.ts';
import type { SpeculationQuestion } from '../speculation-model.ts';
import { type AssertionVerdict, assertionVerdicts, type SloVerdict, sloVerdicts } from '../verdicts.ts';
import type { meanLengths } from '../workload/mean-lengths.ts';
import { type EnergyReport, energyOf } from './scenario-energy.ts';
import { durationSeconds, type Scenario } from './scenario-schema.ts';
import { replicaCountOf, replicaLayoutOf, requestLimits, type workloadOf } from './scenario-workload.ts';

export interface PreparedScenario {
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

/** The report with the names of what was simulated, its price, and the verdicts of the scenario. */
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
  { request, deployment, workload, lengths, speculation, traces }: PreparedScenario,
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
      rules,
      sequencesMax: limits.maxSeqs ?? null,
      stepTokensMax: limits.batchedTokens ?? deployment.stepTokensMax,
      prefixCaching,
      meanTokens: lengths.prompt + lengths.output / 2,
      speculation,
    }),
    replicaCount: replicaCountOf({ ...scenario, layout: replicaLayoutOf(scenario, request.spec) }),
    router: scenario.router,
    workload,
    frontEndSeconds:
      frontEnd === undefined ? requestSeconds(name, lengths.prompt) : durationSeconds(frontEnd),
    limits: requestLimits(scenario),
    simulatedSecondsMax: durationSeconds(scenario.simulatedTimeMax),
    traces,
  };
}

/** Keys have a fixed order, so that equal runs give equal bytes of JSON. */
export function scenarioAnswer(
  scenario: Scenario,
  {
    request,
    deployment,
    gramsPerKwh = null,
  }: Pick<PreparedScenario, 'request' | 'deployment' | 'gramsPerKwh'>,
  { input, outcome }: { readonly input: SimulationInput; readonly outcome: SimulationOutcome },
): ScenarioAnswer {
  const report = reportOf(input, outcome);
  return {
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
    energy: energyOf(report, { scenario, tdpWatts: request.hardware.tdpWatts, gramsPerKwh }),
    slo: sloVerdicts(report, scenario),
    assert: assertionVerdicts(report, scenario),
  };
}

/** US dollars per hour of all devices, and per million output tokens at the simulated rate. */
function costOf(scenario: Scenario, { hardware }: PlanRequest, outputRate: number): ScenarioAnswer['cost'] {
  const each = scenario.cost?.perHourUsd ?? hardware.pricePerHourUsd;
  if (each === null || outputRate === 0) return null;
  const perHourUsd = each * scenario.count;
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
