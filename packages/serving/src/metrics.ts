/** Counters as plain numbers, since the scheduler was created; for rates, a caller subtracts two snapshots. */
export interface ServingMetrics {
  steps: number;
  submitted: number;
  refused: number;
  /** Admissions to the running set, including resumptions. */
  admissions: number;
  finished: number;
  aborted: number;
  /** Requests that waited longer than `queueSecondsMax`. */
  expired: number;
  /** Abandoned steps: their sequences are computed again. */
  abandonedSteps: number;
  forks: number;
  preemptions: number;
  /** Preemptions that moved blocks to host memory. */
  spills: number;
  /** Computed tokens that a preemption or a rollback threw away. */
  discardedTokens: number;
  prefillTokens: number;
  decodeTokens: number;
  outputTokens: number;
  draftedTokens: number;
  acceptedTokens: number;
  /** Tokens looked up in the prefix cache, and the tokens it had. */
  prefixQueryTokens: number;
  prefixHitTokens: number;
  publishedBlocks: number;
  /** Blocks released because another block held the same content. */
  duplicateBlocks: number;
  /** Cached blocks whose content was dropped to make room. */
  evictions: number;
  copyOnWriteBlocks: number;
  spilledBlocks: number;
  restoredBlocks: number;
  /** Tokens whose blocks came from elsewhere, without those that the prefix cache had. */
  receivedTokens: number;
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
    receivedTokens: 0,
    queueSeconds: 0,
  };
}
