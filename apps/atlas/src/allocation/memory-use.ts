/** The measures of both ways of serving, in tokens. used + internal + free = size of the memory. */
export interface MemoryUse {
  readonly running: number;
  readonly waiting: number;
  readonly finished: number;
  /** Tokens whose keys and values the memory holds. A token that two requests share counts once. */
  readonly usedTokens: number;
  /** Tokens of room that an owner has and does not fill: internal fragmentation. */
  readonly internalTokens: number;
  /** Free tokens. Cached content of finished requests is free too: the pool evicts it when it needs the room. */
  readonly freeTokens: number;
  /** Free tokens that would hold the waiting request but lie in pieces that are too small: external fragmentation. */
  readonly externalTokens: number;
}

/** One cell of the picture of a memory. It shows one block of tokens. */
export type CellState = 'used' | 'shared' | 'partial' | 'reserved' | 'kept' | 'free';

/** Limits of both ways: tokens per step and tokens per answer. */
export interface ServingLimits {
  /** Tokens the memory holds. */
  readonly memoryTokens: number;
  readonly blockTokens: number;
  readonly outputTokensMax: number;
  readonly contextMax: number;
  readonly tokenBudget: number;
  readonly runningMax: number;
}
