/** A broken invariant: a bug in this program, never bad input. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws if `condition` is false. Assertions stay on in production: a check is cheap, a wrong byte is not. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Returns the value, or throws an AssertionError if it is absent although the caller has proof that it exists. */
export function defined<Value>(value: Value | undefined | null, message: string): Value {
  assert(value !== undefined && value !== null, message);
  return value;
}
