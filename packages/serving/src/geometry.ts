/**
 * How many blocks which tokens need. With a sliding window of W, the token at position p reads the keys of positions
 * (p - W, p], so that before computing position c everything below c - W + 1 may go:
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
  /** Tokens that are ever computed. */
  readonly tokenCount: number;
  /** Tokens computed in one step at most. */
  readonly chunkMax: number;
  readonly window: number | null;
  readonly blockSize: number;
}

/** The most blocks one sequence holds at any time, alone, in one group: every block, or window, chunk and one more. */
export function peakBlocks({ tokenCount, chunkMax, window, blockSize }: PeakQuestion): number {
  const all = blocksFor(tokenCount, blockSize);
  if (window === null) return all;
  // A run of n tokens touches at most ceil((n - 1) / blockSize) + 1 blocks, wherever it starts.
  return Math.min(all, Math.ceil((window + chunkMax - 2) / blockSize) + 1);
}
