/** Usage of requests in OpenAI's form. */
import type { RequestUsage } from '@plimsoll/engine';
import { z } from 'zod';

const count = z.int().nonnegative();

export const usageSchema = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.object({ cached_tokens: count }),
});

/** Sums the usage of the requests of one call. */
export function usageOf(usages: readonly RequestUsage[]): z.infer<typeof usageSchema> {
  let [prompt, cached, output] = [0, 0, 0];
  for (const { promptTokens, cachedTokens, outputTokens } of usages) {
    prompt += promptTokens;
    cached += cachedTokens;
    output += outputTokens;
  }
  return {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens: prompt + output,
    prompt_tokens_details: { cached_tokens: cached },
  };
}
