/** Every engine's profile, and the questions that are put to whichever a request names. */
import type { PlimsollError } from '@plimsoll/foundation';
import type { Deployment } from '../deployment/deployment.ts';
import { type EngineProfile, refusalOf as refusalOfAttempt } from './contract/engine-profile.ts';
import type { AnyOptions, EngineName, PlanRequest } from './engine-list.ts';
import { llamaCpp } from './llama-cpp/profile.ts';
import { noEngine } from './none/profile.ts';
import { plimsoll } from './plimsoll/profile.ts';
import { vllm } from './vllm/profile.ts';

const profiles: { readonly [Name in EngineName]: EngineProfile<AnyOptions, Name> } = {
  vllm,
  'llama.cpp': llamaCpp,
  plimsoll,
  none: noEngine,
};

export function engineProfile(name: EngineName): EngineProfile<AnyOptions, EngineName> {
  return profiles[name];
}

export function prepare(request: PlanRequest): Deployment {
  return engineProfile(request.engine).prepare(request);
}

/** Null for a request this engine would refuse: a split that does not divide, a format it does not have. */
export function prepareIfPossible(request: PlanRequest): Deployment | null {
  let deployment: Deployment | null = null;
  const refusal = refusalOfAttempt(() => {
    deployment = prepare(request);
  });
  return refusal === null ? deployment : null;
}

/** Why the engine would refuse a request, or null: what `prepare` would throw, for less work where the profile allows it. */
export function refusalOf(request: PlanRequest): PlimsollError | null {
  return engineProfile(request.engine).refusal(request);
}
