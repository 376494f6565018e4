/** The context of plans and of the engine: one default and one limit, so that a plan equals the engine's memory. */
import { PlimsollError } from '@plimsoll/foundation';

const usualContextTokens = 8192;

/** The default context in tokens: 8k, or the model's own limit if that is shorter. */
export function usualContext(contextLength: number): number {
  return Math.min(usualContextTokens, contextLength);
}

/** The error for a context beyond the model's limit. `hint` is the change that helps. */
export function contextTooLong(
  tokens: number,
  { id, contextLength }: { readonly id: string; readonly contextLength: number },
  hint: string,
): PlimsollError {
  return new PlimsollError({
    code: 'context-too-long',
    message: `${id} accepts ${contextLength} tokens of context, not ${tokens}`,
    value: tokens,
    limit: contextLength,
    hint,
  });
}
