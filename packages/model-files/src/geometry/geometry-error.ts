/**
 * The error for a size that no model can have. Every geometry check throws this error, so that all messages have one
 * form.
 */
import { PlimsollError } from '@plimsoll/foundation';

/** A bad size; `key` is its name in the file: `llama.expert_used_count`, `num_experts_per_tok`. */
export interface GeometryFault {
  readonly key: string;
  readonly value: number | string;
  /** The allowed values: `1 to 8`, `a divisor of 32`. */
  readonly needed: string;
  /** The part of the model, such as `layer 3`; undefined for the whole model. */
  readonly place?: string | undefined;
}

/** Makes a `bad-geometry` error with the key, the value and the allowed values. */
export function badGeometry({ key, value, needed, place }: GeometryFault): PlimsollError {
  const where = place === undefined ? '' : ` in ${place}`;
  return new PlimsollError({
    code: 'bad-geometry',
    message: `${key} is ${value}${where}; it must be ${needed}`,
    value,
    limit: needed,
    hint: 'the file is damaged, or its parts belong to different models: download or convert it again',
  });
}
