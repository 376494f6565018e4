/** Text is refused by its size before it is rendered and encoded: both take memory many times the text. */
import { formatCount, PlimsollError } from '@plimsoll/foundation';
import type { OptionalTokenizer } from './generation.ts';

/** Bytes of a token that cost no look at the vocabulary: few texts have more, and few vocabularies have longer tokens. */
const tokenBytesUsual = 64;
/** What slides out of the context is read once, so a prompt may be longer than the context by this factor. */
const slidingFactor = 4;

export interface TextLimits {
  readonly tokenizer: OptionalTokenizer;
  readonly contextMax: number;
  /** The context slides when it is full. */
  readonly slides: boolean;
}

/** Throws a PlimsollError when the texts together cannot fit, whatever their tokens are. */
export function checkTextSize(texts: readonly string[], { tokenizer, contextMax, slides }: TextLimits): void {
  const tokensMax = slides ? slidingFactor * contextMax : contextMax;
  const textBytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (tokenizer === null || textBytes <= tokensMax * tokenBytesUsual) return;
  const limit = tokensMax * Math.max(tokenBytesUsual, tokenizer.tokenBytesMax);
  if (textBytes <= limit) return;
  throw new PlimsollError({
    code: 'prompt-too-long',
    message: `the text has ${formatCount(textBytes)} bytes; ${formatCount(contextMax)} tokens of this model hold ${formatCount(limit)} at most`,
    value: textBytes,
    limit,
    hint: 'shorten the text, or take a longer context (--ctx)',
  });
}
