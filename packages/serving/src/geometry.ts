/**
 * Computes the number of blocks for a range of tokens. With a sliding window of W, the token at position p reads the keys of positions
 * (p - W, p], so that every position below c - W + 1 may be released before position c is computed:
 *
 *   0 ....... c - W + 1 ............ c ............ c + n
 *   |  gone   |  read by the step    |  written     |
 */

export function blocksFor(tokenCount: number, blockSize: number): number {
  return Math.ceil(tokenCount / blockSize);
}

/** Index of the first block that computing position `computed` still reads. */
export function firstLiveBlock(computed: number, window: number | null, blockSize: number): number {
  if (window === null) return 0;
  return Math.floor(Math.max(0, computed - window + 1) / blockSize);
}

export interface PeakQuestion {
  /** Tokens that are computed over the whole life of the sequence. */
  readonly tokenCount: number;
  /** Maximum number of tokens in a step. */
  readonly chunkMax: number;
  readonly window: number | null;
  readonly blockSize: number;
}

/**
 * The most blocks that a sequence holds at any time, alone, in one group: all its blocks, or the window, a chunk and
 * one block.
 */
export function peakBlocks({ tokenCount, chunkMax, window, blockSize }: PeakQuestion): number {
  const all = blocksFor(tokenCount, blockSize);
  if (window === null) return all;
  // A run of n tokens touches at most ceil((n - 1) / blockSize) + 1 blocks, wherever it starts.
  return Math.min(all, Math.ceil((window + chunkMax - 2) / blockSize) + 1);
}
