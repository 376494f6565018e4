/** Runs a scenario: the same steps as `plimsoll simulate`, so that equal scenarios give equal bytes. */
import { prepare } from '@plimsoll/planner';
import regions from '@plimsoll/registry/regions' with { type: 'json' };
import { meanLengths, type SimulationOutcome, simulate, timelineSvg } from '@plimsoll/simulator';
import {
  draftsOf,
  gridOf,
  type PreparedScenario,
  poolScenarios,
  type Scenario,
  type ScenarioAnswer,
  scenarioAnswer,
  simulationInput,
  speculationQuestion,
  workloadOf,
} from '@plimsoll/simulator/scenario';
import type { Workbench } from '../../../workbench/workbench.ts';
import { scenarioOf } from '../state/drafts.ts';
import { requestOfScenario } from '../state/scenario-request.ts';
import { type RunTimeline, runTimeline } from './run-timeline.ts';

export interface ScenarioResult {
  readonly answer: ScenarioAnswer;
  /** Sentences about the prediction: rules of the engine, approximations. */
  readonly notes: readonly string[];
  readonly timeline: RunTimeline;
}

/** A scenario whose records are read and whose memory is planned. */
export interface ReadyScenario {
  readonly scenario: Scenario;
  readonly planned: Omit<PreparedScenario, 'workload' | 'lengths' | 'traces'>;
}

/** Reads every file that the run needs, so that the run itself waits for nothing. */
export function readyScenario(text: string, workbench: Workbench): ReadyScenario {
  const scenario = scenarioOf(text);
  const [scenarioOfAll, decodeScenario] = poolScenarios(scenario);
  const { request, deployment } = plannedOf(scenarioOfAll, workbench);
  const decode = decodeScenario === undefined ? undefined : plannedOf(decodeScenario, workbench);
  const gramsPerKwh = gridOf(scenario, regions.regions);
  const drafts = draftsOf(scenario);
  const draft = scenario.speculation?.draft;
  const spec = draft === undefined ? null : workbench.model(draft);
  const speculation = drafts === null ? null : speculationQuestion(drafts, request, spec);
  return { scenario, planned: { request, deployment, decode, gramsPerKwh, speculation } };
}

function plannedOf(
  scenario: Scenario,
  workbench: Workbench,
): Pick<PreparedScenario, 'request' | 'deployment'> {
  const request = requestOfScenario(scenario, workbench);
  return { request, deployment: prepare(request) };
}

export interface Run {
  readonly answer: ScenarioAnswer;
  readonly outcome: SimulationOutcome;
}

/** `onEnded` gets the number of ended requests, after every step that ends some. */
export function runReady(
  { scenario, planned }: ReadyScenario,
  onEnded: (ended: number) => void = () => {},
): Run {
  const workload = workloadOf(scenario, null);
  const prepared = { ...planned, workload, lengths: meanLengths(workload), traces: false };
  const input = simulationInput(scenario, prepared);
  const outcome = simulate({
    ...input,
    endsEarly: ({ e2e }) => {
      onEnded(e2e.length);
      return false;
    },
  });
  return { answer: scenarioAnswer(scenario, prepared, { input, outcome }), outcome };
}

export function resultOf({ planned }: ReadyScenario, { answer, outcome }: Run): ScenarioResult {
  return {
    answer,
    notes: [...new Set([...planned.deployment.notes, ...(planned.decode?.deployment.notes ?? [])])],
    timeline: runTimeline(outcome),
  };
}

/** The picture that `plimsoll simulate --plot` writes. */
export function pictureOf({ answer, outcome }: Run): string {
  const { model, devices, hardware } = answer.scenario;
  return timelineSvg(outcome, `${model} on ${devices} x ${hardware}`);
}
