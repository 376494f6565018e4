/** A broken invariant: a bug in this program, never bad input. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws when `condition` is false. Stays on in production: the checks here are cheap and a wrong byte is not. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The value itself, or a thrown bug when it is absent where the caller has proof that it is there. */
export function defined<Value>(value: Value | undefined | null, message: string): Value {
  assert(value !== undefined && value !== null, message);
  return value;
}
