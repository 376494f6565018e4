/** A number of a page: its text and its derivation. The planner computes it; no writer types it. */
import { formatCount } from '@plimsoll/foundation';

export interface ComputedNumber {
  /** The text in a sentence: "131,072 bytes", "14.96 GiB". */
  readonly text: string;
  /** Formula, the same with its values, and the source. */
  readonly derivation: string;
  /** True for a choice of the page, such as its prompt. The number has no derivation to link to. */
  readonly isGiven?: true;
}

/**
 * The given numbers of an example, by name: "a prompt of 8,192 tokens, 32 users". The page computes with the same constants
 * that it passes here, so that its words and its numbers describe the same case.
 */
export function given(values: Readonly<Record<string, number>>): Record<string, ComputedNumber> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const text = Number.isInteger(value) ? formatCount(value) : String(value);
      return [name, { text, derivation: `${text}: chosen for the example`, isGiven: true }];
    }),
  );
}
