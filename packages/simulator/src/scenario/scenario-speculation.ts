/** Prepares the speculative decoding of a scenario: places the draft model on the devices of the replica. */
import { type PlanRequest, prepare, singleDevice } from '@plimsoll/planner';
import type { SpeculationQuestion } from '../speculation-model.ts';
import type { Scenario } from './scenario-schema.ts';

/** `draft` is the model that the scenario names; null if it names none. Throws if the draft cannot be split. */
export function speculationQuestion(
  { draftTokens, acceptance }: Pick<SpeculationQuestion, 'draftTokens' | 'acceptance'>,
  request: PlanRequest,
  draft: PlanRequest['spec'] | null,
): SpeculationQuestion {
  if (draft === null) return { draftTokens, acceptance, draft: null };
  const contextTokens = Math.min(request.workload.contextTokens, draft.contextLength);
  // The draft keeps its own formats and takes none of the options of the model.
  const asked: PlanRequest = {
    ...request,
    spec: draft,
    weights: undefined,
    modelReference: undefined,
    convertedReference: undefined,
    options: {},
    parallelism: { ...singleDevice, tensor: request.parallelism.tensor },
    workload: { ...request.workload, contextTokens },
  };
  return { draftTokens, acceptance, draft: prepare(asked) };
}

/** The drafts that a scenario asks for; null without speculative decoding. */
export function draftsOf({
  speculation,
}: Scenario): Pick<SpeculationQuestion, 'draftTokens' | 'acceptance'> | null {
  if (speculation === undefined) return null;
  const { tokens: draftTokens, acceptance } = speculation;
  return { draftTokens, acceptance: typeof acceptance === 'number' ? [acceptance] : acceptance };
}
