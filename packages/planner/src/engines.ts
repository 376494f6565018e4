/** Which profile prepares a deployment. */
import type { Deployment } from './deployment.ts';
import { prepareLlamaCpp } from './engine-llama-cpp.ts';
import { prepareWithoutEngine } from './engine-none.ts';
import { preparePlimsoll } from './engine-plimsoll/profile.ts';
import { checkParallelism } from './parallelism.ts';
import { type PlanRequest, requestFormats } from './plan-request.ts';
import { prepareVllm } from './vllm/profile.ts';

export function prepare(request: PlanRequest): Deployment {
  const { spec } = request;
  checkParallelism(request.parallelism, spec);
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
