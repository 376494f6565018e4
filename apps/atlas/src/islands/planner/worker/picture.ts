/** Everything that the planner's page shows for a state: the answer, the choices of the form, and the charts. */
import { type EngineName, prepare, usualEngine } from '@plimsoll/planner';
import type { Workbench } from '../../../workbench/workbench.ts';
import type { BatchPoint } from '../../charts/batch-charts.tsx';
import type { CapacityMap } from '../../charts/capacity-chart.tsx';
import { choicesOf, type PlannerChoices } from '../state/choices.ts';
import { answerState, type PlannerAnswer, requestOf } from '../state/settle.ts';
import type { PlannerState } from '../state/state.ts';
import { batchSweep, capacityMap } from './sweeps.ts';

/** An answer with the lists that its form offers. */
export interface PlannerPicture {
  readonly answer: PlannerAnswer;
  readonly choices: PlannerChoices;
  readonly usualEngine: EngineName;
}

export interface PlannerCharts {
  readonly map: CapacityMap;
  readonly batch: readonly BatchPoint[];
}

export function pictureOf(state: PlannerState, workbench: Workbench): PlannerPicture {
  const answer = answerState(state, workbench);
  return {
    answer,
    choices: choicesOf(answer.state, workbench),
    usualEngine: usualEngine(workbench.hardware(answer.state.gpu)),
  };
}

export function chartsOf(answer: PlannerAnswer, workbench: Workbench): PlannerCharts | null {
  if (answer.plan === null) return null;
  const request = requestOf(answer.state, workbench);
  const deployment = prepare(request);
  return { map: capacityMap(deployment), batch: batchSweep(deployment, request.workload) };
}
