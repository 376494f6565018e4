/** Text is refused by its size before it is rendered and encoded: both take memory many times the text. */
import type { Engine } from '@plimsoll/engine';
import { formatCount, PlimsollError } from '@plimsoll/foundation';

/** UTF-16 units of a prompt on standard input, and of one line of a chat: as many as a tokenizer takes. */
export const inputLengthMax = 16_777_216;

/** Bytes of a token that cost no look at the vocabulary: few texts have more, and few vocabularies have longer tokens. */
const tokenBytesUsual = 64;
/** What slides out of the context is read once, so a prompt may be longer than the context by this factor. */
const slidingFactor = 4;

/** Throws when the texts together cannot fit, whatever their tokens are. */
export function checkTextSize(
  { tokenizer, contextMax }: Engine,
  texts: readonly string[],
  { slides }: { readonly slides: boolean },
): void {
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
    hint: 'shorten the text, or raise --ctx',
  });
}

export function inputTooLong(what: string): PlimsollError {
  return new PlimsollError({
    code: 'prompt-too-long',
    message: `${what} is longer than ${formatCount(inputLengthMax)} characters`,
    value: `${inputLengthMax}+`,
    limit: inputLengthMax,
    hint: 'give a shorter text',
  });
}
