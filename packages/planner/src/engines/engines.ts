/** The profiles of all engines, and the functions that pass a request to the profile of its engine. */
import type { PlimsollError } from '@plimsoll/foundation';
import type { Deployment } from '../deployment/deployment.ts';
import { type EngineProfile, refusalOf as refusalOfAttempt } from './contract/engine-profile.ts';
import type { AnyOptions, EngineName, PlanRequest } from './engine-list.ts';
import { llamaCpp } from './llama-cpp/profile.ts';
import { lmStudio } from './lmstudio/profile.ts';
import { noEngine } from './none/profile.ts';
import { ollama } from './ollama/profile.ts';
import { plimsoll } from './plimsoll/profile.ts';
import { sglang } from './sglang/profile.ts';
import { tensorrtLlm } from './tensorrt-llm/profile.ts';
import { vllm } from './vllm/profile.ts';

const profiles: { readonly [Name in EngineName]: EngineProfile<AnyOptions, Name> } = {
  vllm,
  sglang,
  'tensorrt-llm': tensorrtLlm,
  'llama.cpp': llamaCpp,
  ollama,
  lmstudio: lmStudio,
  plimsoll,
  none: noEngine,
};

export function engineProfile(name: EngineName): EngineProfile<AnyOptions, EngineName> {
  return profiles[name];
}

/** Prepares the deployment of a request. Throws the PlimsollError that `refusalOf` returns. */
export function prepare(request: PlanRequest): Deployment {
  return engineProfile(request.engine).prepare(request);
}

/**
 * Like `prepare`, but returns null if the engine refuses the request: a split that does not divide, a format that it
 * lacks.
 */
export function prepareIfPossible(request: PlanRequest): Deployment | null {
  let deployment: Deployment | null = null;
  const refusal = refusalOfAttempt(() => {
    deployment = prepare(request);
  });
  return refusal === null ? deployment : null;
}

/** Returns the error that `prepare` would throw, or null. Some profiles find it with less work than `prepare`. */
export function refusalOf(request: PlanRequest): PlimsollError | null {
  return engineProfile(request.engine).refusal(request);
}
