/** A number of a page: what prose shows, and how it came about. Computed by the planner, never typed. */
export interface ComputedNumber {
  /** As a sentence wants it: "131,072 bytes", "14.96 GiB". */
  readonly text: string;
  /** Formula, the same with its values, and the source. */
  readonly derivation: string;
}
