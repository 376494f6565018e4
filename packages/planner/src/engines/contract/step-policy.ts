/** How an engine's scheduler fills a step, as data, so that a simulator can schedule like the engine. */
export interface StepPolicy {
  /** The sequences that a step takes first: decoding sequences, new prompts, or the earliest arrivals. */
  readonly order: 'decode-first' | 'prefill-first' | 'arrival';
  /**
   * What must fit in the cache before a sequence starts: the first chunk of its prompt, the whole prompt, or the whole
   * sequence with its longest output.
   */
  readonly admission: 'first-chunk' | 'whole-prompt' | 'whole-sequence';
  /** Share of the cache that an admission leaves free for sequences that grow. */
  readonly reserve: number;
  /**
   * Number of later sequences that may overtake a waiting sequence that does not fit; 0 if it blocks all later
   * sequences.
   */
  readonly skipHeadMax: number;
  /** Name of the option that limits the tokens of a step. */
  readonly tokensOption: string;
  /** File and function of the engine, and the release that was read. */
  readonly source: string;
}
