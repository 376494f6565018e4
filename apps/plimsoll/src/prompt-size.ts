/** How much text is read from standard input: an endless one is refused, not collected. */
import { formatCount, PlimsollError } from '@plimsoll/foundation';

/** UTF-16 units of a prompt on standard input, and of one line of a chat: as many as a tokenizer takes. */
export const inputLengthMax = 16_777_216;

export function inputTooLong(what: string): PlimsollError {
  return new PlimsollError({
    code: 'prompt-too-long',
    message: `${what} is longer than ${formatCount(inputLengthMax)} characters`,
    value: `${inputLengthMax}+`,
    limit: inputLengthMax,
    hint: 'give a shorter text',
  });
}
