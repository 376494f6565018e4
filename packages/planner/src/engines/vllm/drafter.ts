/** The drafter that a user names for speculative decoding. */
import type { ModelSpec } from '@plimsoll/model-files/spec';

/** The caller finds the model behind the name; `tokens` is the number of draft tokens in each step. */
export interface Drafter {
  readonly spec: ModelSpec;
  readonly tokens: number;
  readonly reference?: string | undefined;
}
