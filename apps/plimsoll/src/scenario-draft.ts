/** Prepares the speculative decoding of a scenario: finds its draft model, and places it on the devices of the replica. */
import { type PlanRequest, prepare, singleDevice } from '@plimsoll/planner';
import type { Scenario, SpeculationQuestion } from '@plimsoll/simulator/scenario';
import { modelOfCommand } from './command-model.ts';

/** Null without speculative decoding. Throws a PlimsollError if there is no such draft model, or if it cannot be split. */
export async function speculationOf(
  { speculation }: Scenario,
  request: PlanRequest,
): Promise<SpeculationQuestion | null> {
  if (speculation === undefined) return null;
  const { draft, tokens: draftTokens, acceptance } = speculation;
  const chances = typeof acceptance === 'number' ? [acceptance] : acceptance;
  if (draft === undefined) return { draftTokens, acceptance: chances, draft: null };
  const { spec } = await modelOfCommand(draft, { isDrafter: true });
  const contextTokens = Math.min(request.workload.contextTokens, spec.contextLength);
  // The draft keeps its own formats and takes none of the options of the model.
  const asked: PlanRequest = {
    ...request,
    spec,
    weights: undefined,
    modelReference: undefined,
    convertedReference: undefined,
    options: {},
    parallelism: { ...singleDevice, tensor: request.parallelism.tensor },
    workload: { ...request.workload, contextTokens },
  };
  return { draftTokens, acceptance: chances, draft: prepare(asked) };
}
