/** What both ways of serving are measured by, in tokens. used + internal + free = size of the memory. */
export interface MemoryUse {
  readonly running: number;
  readonly waiting: number;
  readonly finished: number;
  /** Tokens whose keys and values are held. What two requests share counts once. */
  readonly usedTokens: number;
  /** Taken by an owner, and empty: internal fragmentation. */
  readonly internalTokens: number;
  /** Free, kept content of ended requests included: it goes when the room is needed. */
  readonly freeTokens: number;
  /** Free, enough in total for the request that waits, and in no single piece: external fragmentation. */
  readonly externalTokens: number;
}

/** One cell of a picture of the memory: as many tokens as a block has. */
export type CellState = 'used' | 'shared' | 'partial' | 'reserved' | 'kept' | 'free';

/** Limits that both have: tokens of one step, and of one answer. */
export interface ServingLimits {
  /** Tokens the memory holds. */
  readonly memoryTokens: number;
  readonly blockTokens: number;
  readonly outputTokensMax: number;
  readonly contextMax: number;
  readonly tokenBudget: number;
  readonly runningMax: number;
}
