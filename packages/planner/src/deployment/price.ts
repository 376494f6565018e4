/**
 * The price of output at the load of a plan. Devices cost money by the hour, busy or idle. If the prompt length is
 * known, the price of the output includes the time of the prompts before it.
 */

import { deviceCount } from '../bytes/parallelism.ts';
import type { Question } from '../question/question.ts';
import { loadPoint } from '../speed/closed-loop.ts';
import type { Deployment, Solution } from './deployment.ts';

export interface Price {
  /** US dollars per hour for all devices. */
  readonly perHourUsd: number;
  /** US dollars per million output tokens while these users are served. */
  readonly perMillionOutputUsd: number;
  /**
   * True if the price includes the time of prompts; false without a prompt length, or if the prompt fills the context.
   */
  readonly countsPrompts: boolean;
}

/** Returns null if the device has no price or cannot serve these users. */
export function priceOf(request: Question, deployment: Deployment, solution: Solution): Price | null {
  const perHourUsd = devicesPerHour(request, deployment);
  if (perHourUsd === null || !solution.feasible) return null;
  const { tokensPerSecond, countsPrompts } = outputRate(request, deployment, solution);
  return { perHourUsd, perMillionOutputUsd: perMillion(perHourUsd, tokensPerSecond), countsPrompts };
}

/** Returns the US dollars per hour of the devices that the engine takes; null if a device has no price. */
export function devicesPerHour(
  { devices, hardware, parallelism }: Pick<Question, 'devices' | 'hardware' | 'parallelism'>,
  deployment: Pick<Deployment, 'devices'>,
): number | null {
  if (devices === undefined) {
    const count = deployment.devices ?? deviceCount(parallelism);
    return hardware.pricePerHourUsd === null ? null : hardware.pricePerHourUsd * count;
  }
  let sum = 0;
  for (const { pricePerHourUsd } of devices) {
    if (pricePerHourUsd === null) return null;
    sum += pricePerHourUsd;
  }
  return sum;
}

/** Returns the US dollars per million output tokens of devices with this total price and total rate. */
export function perMillion(perHourUsd: number, tokensPerSecond: number): number {
  return (perHourUsd / (tokensPerSecond * 3600)) * 1e6;
}

/**
 * Returns the output tokens per second of all users; includes the time of prompts if the prompt length leaves room for
 * output.
 */
export function outputRate(
  request: Question,
  deployment: Deployment,
  solution: Solution,
): { readonly tokensPerSecond: number; readonly countsPrompts: boolean } {
  const withPrompts = rateWithPrompts(request, deployment);
  return { tokensPerSecond: withPrompts ?? solution.tokensPerSecond, countsPrompts: withPrompts !== null };
}

/**
 * Returns the output tokens per second of users who send a prompt, receive output up to the end of the context, and
 * send the next prompt. Null without a prompt length, or without room for output.
 */
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
    // One prompt per step; short prompts that share a step would cost a little less.
    batchTokens: promptTokens,
    pipeline: parallelism.pipeline,
    groups: parallelism.data,
    lengthSpread: 0,
    requestSeconds: 0,
  }).outputTokensPerSecond;
}
