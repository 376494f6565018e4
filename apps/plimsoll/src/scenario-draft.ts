/** Finds the draft model of a scenario by its name. */
import type { PlanRequest } from '@plimsoll/planner';
import {
  draftsOf,
  type Scenario,
  type SpeculationQuestion,
  speculationQuestion,
} from '@plimsoll/simulator/scenario';
import { modelOfCommand } from './command-model.ts';

/** Null without speculative decoding. Throws a PlimsollError if there is no such draft model, or if it cannot be split. */
export async function speculationOf(
  scenario: Scenario,
  request: PlanRequest,
): Promise<SpeculationQuestion | null> {
  const drafts = draftsOf(scenario);
  if (drafts === null) return null;
  const name = scenario.speculation?.draft;
  const named = name === undefined ? null : await modelOfCommand(name, { isDrafter: true });
  return speculationQuestion(drafts, request, named?.spec ?? null);
}
