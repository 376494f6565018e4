/** Refuses words of a pasted command that change memory and that no profile models. */
import { PlimsollError } from '@plimsoll/foundation';

/** Throws `variable-not-modelled`. */
export function refuseVariable(name: string, value: string): never {
  throw new PlimsollError({
    code: 'variable-not-modelled',
    message: `the environment variable ${name} changes memory, and plans do not model it`,
    value: `${name}=${value}`,
    hint: `leave ${name} out to plan without it`,
  });
}
