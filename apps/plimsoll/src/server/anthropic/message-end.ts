/** The end of a message: its reason and its usage. */
import type { GenerationPiece, RequestUsage } from '@plimsoll/engine';
import type { Message } from './message-schema.ts';

/** The reason of the end, from the last piece. */
export function stopOf(
  last: GenerationPiece | null,
  hasCalls: boolean,
): Pick<Message, 'stop_reason' | 'stop_sequence'> {
  if (hasCalls) return { stop_reason: 'tool_use', stop_sequence: null };
  if (last?.end === 'length') return { stop_reason: 'max_tokens', stop_sequence: null };
  const text = last?.stopText ?? null;
  return { stop_reason: text === null ? 'end_turn' : 'stop_sequence', stop_sequence: text };
}

/** Anthropic counts cached tokens apart from the others. */
export function usageOf({ promptTokens, cachedTokens, outputTokens }: RequestUsage): Message['usage'] {
  return {
    input_tokens: promptTokens - cachedTokens,
    output_tokens: outputTokens,
    cache_read_input_tokens: cachedTokens,
    cache_creation_input_tokens: 0,
  };
}
