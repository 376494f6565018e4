/** The error for weights that would turn every logit into NaN. */
import { PlimsollError } from '@plimsoll/foundation';

export function notFinite(name: string, count: number): PlimsollError {
  return new PlimsollError({
    code: 'weights-not-finite',
    message: `tensor ${name} has ${count} values or scales that are infinite or not numbers`,
    value: count,
    limit: 0,
    hint: 'the file is damaged, or its conversion overflowed: download or convert it again',
  });
}
