import { PlimsollError } from './errors.ts';

/** Returns the result of the call, or null if the call throws a PlimsollError. With `code`, other codes pass through. */
export function attempt<Result>(call: () => Result, code?: string): Result | null {
  try {
    return call();
  } catch (error) {
    if (error instanceof PlimsollError && (code === undefined || error.code === code)) return null;
    throw error;
  }
}
