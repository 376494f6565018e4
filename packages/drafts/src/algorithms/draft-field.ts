/** Checks a field of a draft's configuration. */
import { PlimsollError } from '@plimsoll/foundation';

/** Throws `bad-draft-config` with the field, its value and its limit, unless `holds`. */
export function checkDraftField(holds: boolean, field: string, value: number, limit: string): void {
  if (holds) return;
  throw new PlimsollError({
    code: 'bad-draft-config',
    message: `the draft's ${field} is ${value}`,
    value,
    limit,
    hint: `set ${field} to a value that is ${limit}`,
  });
}
