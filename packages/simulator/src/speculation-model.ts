/** The drafts of a replica: their share of the memory, and the passes of the draft model. */
import { PlimsollError } from '@plimsoll/foundation';
import type { Deployment } from '@plimsoll/planner';
import { draftPasses, type SpeculationModel } from './speculation.ts';

export interface SpeculationQuestion {
  readonly draftTokens: number;
  readonly acceptance: readonly number[];
  /** The draft model on the devices of the replica; null for drafts from the prompt, which cost nothing. */
  readonly draft: Deployment | null;
}

export function speculationModel({ draftTokens, acceptance, draft }: SpeculationQuestion): SpeculationModel {
  const draftSeconds =
    draft === null ? () => 0 : draftPasses(draftTokens, (rows) => draft.speed.stepSeconds(rows));
  return { draftTokens, acceptance, draftSeconds };
}

/** The deployment with the pool that the weights of the draft, and its cache of sequences of `tokens` tokens, leave. */
export function besideDraft(deployment: Deployment, draft: Deployment | null, tokens: number): Deployment {
  if (draft === null) return deployment;
  const length = Math.min(tokens, deployment.contextMax, draft.contextMax);
  const own = deployment.sequenceBytes(length);
  const share = own / (own + draft.sequenceBytes(length));
  return { ...deployment, poolBytes: share * (deployment.poolBytes - draft.weightBytes) };
}

/** Throws for replicas that cannot take a draft back, or whose stages would wait for the draft model. */
export function refuseSpeculation({ speed, groups }: Deployment): void {
  const stages = speed.pipeline.stageShares.length;
  if (stages > 1) {
    throw new PlimsollError({
      code: 'speculation-with-stages',
      message: `drafts in a pipeline of ${stages} stages are not simulated`,
      value: stages,
      limit: 'layout pp 1',
      hint: 'use tensor parallelism (layout tp), or leave speculation out',
    });
  }
  if (groups.some(({ stateBytes, layers }) => stateBytes * layers > 0)) {
    throw new PlimsollError({
      code: 'speculation-with-state',
      message: 'the model has recurrent layers, whose state cannot take drafts back',
      limit: 'models without recurrent layers',
      hint: 'leave speculation out',
    });
  }
}
