/** A number of a page: what prose shows, and how it came about. Computed by the planner, never typed. */
import { formatCount } from '@plimsoll/foundation';

export interface ComputedNumber {
  /** As a sentence wants it: "131,072 bytes", "14.96 GiB". */
  readonly text: string;
  /** Formula, the same with its values, and the source. */
  readonly derivation: string;
  /** The page's own choice, from which its other numbers follow. It needs no explanation, so it leads to none. */
  readonly isGiven?: true;
}

/**
 * Numbers that an example begins with, by name: "a prompt of 8,192 tokens, 32 users". The page computes with the same
 * constants that it hands in here, so that its words cannot speak of another case than its numbers.
 */
export function given(values: Readonly<Record<string, number>>): Record<string, ComputedNumber> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const text = Number.isInteger(value) ? formatCount(value) : String(value);
      return [name, { text, derivation: `${text}: chosen for the example`, isGiven: true }];
    }),
  );
}
