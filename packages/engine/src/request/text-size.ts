/** Refuses too long texts before they are rendered and encoded: both take many times the memory of the text. */
import { formatCount, PlimsollError } from '@plimsoll/foundation';
import type { OptionalTokenizer } from './generation.ts';

/** Up to this many bytes per token, the check need not search the vocabulary for its longest token. */
const tokenBytesUsual = 64;
/** If the context slides, a prompt may be longer than the context by this factor; the excess is dropped. */
const slidingFactor = 4;

export interface TextLimits {
  readonly tokenizer: OptionalTokenizer;
  readonly contextMax: number;
  /** True if the context slides when it is full. */
  readonly slides: boolean;
}

/** Throws code `prompt-too-long` if the texts together cannot fit the context with the longest possible tokens. */
export function checkTextSize(texts: readonly string[], { tokenizer, contextMax, slides }: TextLimits): void {
  const tokensMax = slides ? slidingFactor * contextMax : contextMax;
  const textBytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (tokenizer === null || textBytes <= tokensMax * tokenBytesUsual) return;
  const limit = tokensMax * Math.max(tokenBytesUsual, tokenizer.tokenBytesMax);
  if (textBytes <= limit) return;
  throw new PlimsollError({
    code: 'prompt-too-long',
    message: `the text has ${formatCount(textBytes)} bytes; ${formatCount(contextMax)} tokens of this model hold at most ${formatCount(limit)}`,
    value: textBytes,
    limit,
    hint: 'shorten the text, or use a longer context (--ctx)',
  });
}
