/** Limits the text from standard input, so that an endless input cannot fill the memory. */
import { formatCount, PlimsollError } from '@plimsoll/foundation';

/** Maximum UTF-16 units of a prompt on standard input and of a line of a chat: the limit of a tokenizer. */
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
