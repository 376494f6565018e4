/** Counters as plain numbers, from the start of the scheduler's life; a caller who wants rates subtracts two snapshots. */
export interface ServingMetrics {
  steps: number;
  submitted: number;
  refused: number;
  /** Places given in the running set, resumptions included. */
  admissions: number;
  finished: number;
  aborted: number;
  /** Requests that waited longer than `queueSecondsMax`. */
  expired: number;
  /** Steps that were given up: their sequences are computed again. */
  abandonedSteps: number;
  forks: number;
  preemptions: number;
  /** Preemptions whose memory went to the host. */
  spills: number;
  /** Computed tokens that a preemption or a rollback threw away. */
  discardedTokens: number;
  prefillTokens: number;
  decodeTokens: number;
  outputTokens: number;
  draftedTokens: number;
  acceptedTokens: number;
  /** Tokens for which the prefix cache was asked, and how many it had. */
  prefixQueryTokens: number;
  prefixHitTokens: number;
  publishedBlocks: number;
  /** Blocks given back because another one held the same content. */
  duplicateBlocks: number;
  /** Cached blocks whose content was dropped to make room. */
  evictions: number;
  copyOnWriteBlocks: number;
  spilledBlocks: number;
  restoredBlocks: number;
  /** Time between submission and first admission, summed over admitted sequences. */
  queueSeconds: number;
}

export function zeroMetrics(): ServingMetrics {
  return {
    steps: 0,
    submitted: 0,
    refused: 0,
    admissions: 0,
    finished: 0,
    aborted: 0,
    expired: 0,
    abandonedSteps: 0,
    forks: 0,
    preemptions: 0,
    spills: 0,
    discardedTokens: 0,
    prefillTokens: 0,
    decodeTokens: 0,
    outputTokens: 0,
    draftedTokens: 0,
    acceptedTokens: 0,
    prefixQueryTokens: 0,
    prefixHitTokens: 0,
    publishedBlocks: 0,
    duplicateBlocks: 0,
    evictions: 0,
    copyOnWriteBlocks: 0,
    spilledBlocks: 0,
    restoredBlocks: 0,
    queueSeconds: 0,
  };
}
