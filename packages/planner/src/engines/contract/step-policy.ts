/** How an engine's scheduler fills a step, as data: what a simulator needs in order to be this engine. */
export interface StepPolicy {
  /** What a step takes first: decoding sequences, new prompts, or whichever came first. */
  readonly order: 'decode-first' | 'prefill-first' | 'arrival';
  /** What must have room in the cache before a sequence starts: its whole prompt, or the first chunk of it. */
  readonly admission: 'whole-prompt' | 'first-chunk';
  /** Share of the cache that an admission leaves free for sequences that grow. */
  readonly reserve: number;
  /** Waiting sequences that may be overtaken because they do not fit; 0 where the first one holds up all others. */
  readonly skipHeadMax: number;
  /** File and function of the engine, and the release that was read. */
  readonly source: string;
}
