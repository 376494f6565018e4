/** The refusal of a size that no model can have. Every check of a geometry ends here, so that all of them read alike. */
import { PlimsollError } from '@plimsoll/foundation';

/** The name of a size, in the words of the file that states it: `llama.expert_used_count`, `num_experts_per_tok`. */
export interface GeometryFault {
  readonly key: string;
  readonly value: number | string;
  /** What would have been allowed: `1 to 8`, `a divisor of 32`. */
  readonly needed: string;
  /** Where in the model: `layer 3`; absent where the whole model is meant. */
  readonly place?: string | undefined;
}

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
