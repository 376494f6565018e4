/** Runs a scenario: the same steps as `plimsoll simulate`, so that equal scenarios give equal bytes. */
import { prepare } from '@plimsoll/planner';
import { meanLengths, type SimulationOutcome, simulate, timelineSvg } from '@plimsoll/simulator';
import {
  type PreparedScenario,
  type Scenario,
  type ScenarioAnswer,
  scenarioAnswer,
  simulationInput,
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
  readonly planned: Pick<PreparedScenario, 'request' | 'deployment'>;
}

/** Reads every file that the run needs, so that the run itself waits for nothing. */
export function readyScenario(text: string, workbench: Workbench): ReadyScenario {
  const scenario = scenarioOf(text);
  const request = requestOfScenario(scenario, workbench);
  return { scenario, planned: { request, deployment: prepare(request) } };
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
  return { answer, notes: planned.deployment.notes, timeline: runTimeline(outcome) };
}

/** The picture that `plimsoll simulate --plot` writes. */
export function pictureOf({ answer, outcome }: Run): string {
  const { model, devices, hardware } = answer.scenario;
  return timelineSvg(outcome, `${model} on ${devices} x ${hardware}`);
}
