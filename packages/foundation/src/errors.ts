/**
 * Expected failures: one class, distinguished by a stable `code`. Every message names the value that was seen, the
 * limit or the set that it violates, and a way out. Bugs are not PlimsollErrors: they are assertions.
 */
export interface ErrorDetails {
  /** Stable identifier in kebab case, safe to match on: `unknown-model`, `gguf-truncated`. */
  readonly code: string;
  /** One sentence for the user, without the hint. */
  readonly message: string;
  /** The value that was seen, as text or number. */
  readonly value?: string | number | undefined;
  /** The limit or the allowed values. */
  readonly limit?: string | number | undefined;
  /** The way out: what to type or to change. */
  readonly hint?: string | undefined;
}

/** An expected failure that a caller can show to a user or match by `code`. */
export class PlimsollError extends Error {
  override readonly name = 'PlimsollError';
  readonly code: string;
  readonly value: string | number | undefined;
  readonly limit: string | number | undefined;
  readonly hint: string | undefined;

  constructor(details: ErrorDetails, options?: ErrorOptions) {
    super(details.message, options);
    this.code = details.code;
    this.value = details.value;
    this.limit = details.limit;
    this.hint = details.hint;
  }

  /** The object that `--json` prints, without absent fields. */
  toJSON(): ErrorDetails {
    const { code, message, value, limit, hint } = this;
    return {
      code,
      message,
      ...(value !== undefined && { value }),
      ...(limit !== undefined && { limit }),
      ...(hint !== undefined && { hint }),
    };
  }
}
