/** How long prompt and answer of a request took, in the names of llama.cpp. */
import { z } from 'zod';
import type { Generation } from '../core/generations.ts';

const count = z.int().nonnegative();
const measure = z.number().nonnegative();

export const timingsSchema = z.object({
  cache_n: count.describe('Prompt tokens from the cache.'),
  prompt_n: count.describe('Prompt tokens that were computed.'),
  prompt_ms: measure.describe('From admission to the first token; the time in the queue does not count.'),
  prompt_per_token_ms: measure,
  prompt_per_second: measure,
  predicted_n: count,
  predicted_ms: measure.describe('From the first token to the last.'),
  predicted_per_token_ms: measure.describe('Per token after the first: the prompt gives the first token.'),
  predicted_per_second: measure,
});

/** `predicted` is the number of tokens of one answer, `now` the time of the server's clock in seconds. */
export function timingsOf(
  generation: Generation,
  { predicted, now }: { readonly predicted: number; readonly now: number },
): z.infer<typeof timingsSchema> {
  const { promptTokens, cachedTokens, queuedSeconds, firstTokenAt, finishedAt } = generation.usage();
  const admittedAt = generation.submittedAt + (queuedSeconds ?? 0);
  const firstAt = firstTokenAt ?? now;
  const promptMs = milliseconds(admittedAt, firstAt);
  const predictedMs = predicted === 0 ? 0 : milliseconds(firstAt, finishedAt ?? now);
  const computed = promptTokens - cachedTokens;
  const steps = Math.max(0, predicted - 1);
  return {
    cache_n: cachedTokens,
    prompt_n: computed,
    prompt_ms: promptMs,
    prompt_per_token_ms: ratio(promptMs, computed),
    prompt_per_second: perSecond(computed, promptMs),
    predicted_n: predicted,
    predicted_ms: predictedMs,
    predicted_per_token_ms: ratio(predictedMs, steps),
    predicted_per_second: perSecond(steps, predictedMs),
  };
}

function milliseconds(start: number, end: number): number {
  return Math.max(0, 1000 * (end - start));
}

function ratio(value: number, divisor: number): number {
  return divisor === 0 ? 0 : value / divisor;
}

function perSecond(tokens: number, spentMs: number): number {
  return ratio(1000 * tokens, spentMs);
}
