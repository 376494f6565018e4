/**
 * Expected failures: one class, told apart by a stable `code`. Every message names the value that was seen, the
 * limit or set it had to respect, and a way out. Bugs are not errors of this kind: they are assertions.
 */
export interface ErrorDetails {
  /** Stable identifier in kebab case, safe to match on: `unknown-model`, `gguf-truncated`. */
  readonly code: string;
  /** One sentence for a person, without the hint. */
  readonly message: string;
  /** What was seen, as text or number. */
  readonly value?: string | number | undefined;
  /** What would have been allowed. */
  readonly limit?: string | number | undefined;
  /** The way out: what to type or change. */
  readonly hint?: string | undefined;
}

/** An expected failure that a caller can show to a person or match by `code`. */
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

  /** The shape that `--json` prints: absent fields are left out. */
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
