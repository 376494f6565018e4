/** Which profile prepares a deployment. */
import { PlimsollError } from '@plimsoll/foundation';
import { checkParallelism } from '../bytes/parallelism.ts';
import type { Deployment } from '../deployment/deployment.ts';
import { type PlanRequest, requestFormats } from '../question/question.ts';
import { prepareLlamaCpp } from './llama-cpp/profile.ts';
import { memoryQuestion } from './llama-cpp/request.ts';
import { prepareWithoutEngine } from './none/profile.ts';
import { preparePlimsoll } from './plimsoll/profile.ts';
import { prepareVllm } from './vllm/profile.ts';

export function prepare(request: PlanRequest): Deployment {
  const { spec } = request;
  // llama.cpp deals whole layers to devices, so heads need not divide.
  if (request.engine === 'none' || request.engine === 'vllm') checkParallelism(request.parallelism, spec);
  switch (request.engine) {
    case 'none': {
      const { weights, kv } = requestFormats(request);
      return prepareWithoutEngine({ ...request, format: weights, kvFormat: kv });
    }
    case 'vllm':
      return prepareVllm(request);
    case 'llama.cpp':
      return prepareLlamaCpp(request);
    case 'plimsoll':
      return preparePlimsoll(request);
    default:
      return request.engine satisfies never;
  }
}

/** Null for a request this engine would refuse: a split that does not divide, a format it does not have. */
export function prepareIfPossible(request: PlanRequest): Deployment | null {
  try {
    return prepare(request);
  } catch (error) {
    if (error instanceof PlimsollError) return null;
    throw error;
  }
}

/** Why the engine would refuse a request, or null: what `prepare` would throw, for less work where the profile allows it. */
export function refusalOf(request: PlanRequest): PlimsollError | null {
  try {
    // The rest of this profile sizes graphs of the whole model, and refuses nothing.
    if (request.engine === 'llama.cpp') memoryQuestion(request);
    else prepare(request);
    return null;
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
}
