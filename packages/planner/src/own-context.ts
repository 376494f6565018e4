/** Contexts that an engine chooses by itself, where the user leaves the choice to it. */
import type { PlanRequest } from './engines/engine-list.ts';
import { engineProfile } from './engines/engines.ts';
import { plan } from './plan.ts';
import type { Workload } from './question/workload.ts';

/** Returns the request with the context that the engine chooses for its word `openContext`. */
export function withOwnContext(request: PlanRequest, openContext: string): PlanRequest {
  const open = { ...request, openContext };
  const workload = engineProfile(request.engine).ownWorkload?.(open) ?? longestOf(request);
  return { ...open, workload: withPromptInside(workload) };
}

/** The longest context that a single sequence can have; the context of the request if none fits. */
function longestOf(request: PlanRequest): Workload {
  const { workload } = request;
  const { capacity } = plan({ ...request, workload: { ...workload, users: 1 } });
  return {
    ...workload,
    contextTokens: capacity.contextMax > 0 ? capacity.contextMax : workload.contextTokens,
  };
}

/** A prompt longer than the chosen context is as long as the context. */
function withPromptInside(workload: Workload): Workload {
  const { promptTokens, contextTokens } = workload;
  if (promptTokens === undefined || promptTokens <= contextTokens) return workload;
  return { ...workload, promptTokens: contextTokens };
}
