/**
 * What output costs at the load of a plan. The devices are paid for by the hour, whatever they do: where a prompt length is
 * known, the time that prompts take is part of the price of the output that follows them.
 */

import { deviceCount } from '../bytes/parallelism.ts';
import type { Question } from '../question/question.ts';
import { loadPoint } from '../speed/closed-loop.ts';
import type { Deployment, Solution } from './deployment.ts';

export interface Price {
  /** Of all devices. */
  readonly perHourUsd: number;
  /** Of a million output tokens while these users are served. */
  readonly perMillionOutputUsd: number;
  /** Whether the time of the prompts is in it: not where no prompt length was given, or the prompt fills the context. */
  readonly countsPrompts: boolean;
}

/** Null where the device has no price, or does not serve these users. */
export function priceOf(request: Question, deployment: Deployment, solution: Solution): Price | null {
  const { pricePerHourUsd } = request.hardware;
  if (pricePerHourUsd === null || !solution.feasible) return null;
  const withPrompts = rateWithPrompts(request, deployment);
  const tokensPerSecond = withPrompts ?? solution.tokensPerSecond;
  const perHourUsd = pricePerHourUsd * deviceCount(request.parallelism);
  return {
    perHourUsd,
    perMillionOutputUsd: (perHourUsd / (tokensPerSecond * 3600)) * 1e6,
    countsPrompts: withPrompts !== null,
  };
}

/** Output tokens per second of users who send a prompt, read what the rest of the context holds, and send the next. */
function rateWithPrompts({ workload, parallelism }: Question, { speed }: Deployment): number | null {
  const { promptTokens, cachedTokens, contextTokens, users } = workload;
  const outputTokens = contextTokens - (promptTokens ?? contextTokens);
  if (promptTokens === undefined || outputTokens === 0) return null;
  return loadPoint(speed, {
    inputTokens: promptTokens,
    cachedTokens,
    outputTokens,
    concurrency: users,
    activeMax: users,
    // One prompt at a time: short ones that share a step cost a little less.
    batchTokens: promptTokens,
    pipeline: parallelism.pipeline,
    groups: parallelism.data,
    lengthSpread: 0,
    requestSeconds: 0,
  }).outputTokensPerSecond;
}
