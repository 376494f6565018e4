/**
 * The blocks of a cache group as cells of bounded number, for a picture of the pool. A cell covers consecutive blocks, and
 * equal cells in a row are one run.
 */

/** Most cells of a group. A larger pool has several blocks per cell. */
const cellsMax = 2048;

export interface BlockOwners {
  /** Number of owners per block. */
  readonly blocks: readonly { readonly owners: number; readonly published: boolean }[];
  readonly sequences: Iterable<{ readonly id: number; readonly blocks: readonly number[] }>;
}

export interface BlockCells {
  readonly blockCount: number;
  readonly blocksPerCell: number;
  /**
   * Pairs of a state and the number of cells in a row that have it: `freeCell`, `cachedCell`, `cachedCell - n` for blocks
   * with n owners, or the id of the only owner.
   */
  readonly runs: number[];
}

export const freeCell = -1;
export const cachedCell = -2;

export function blockCells({ blocks, sequences }: BlockOwners): BlockCells {
  const states = blocks.map(({ owners, published }) => {
    if (owners === 0) return published ? cachedCell : freeCell;
    return cachedCell - owners;
  });
  for (const sequence of sequences) {
    for (const block of sequence.blocks) if (blocks[block]?.owners === 1) states[block] = sequence.id;
  }
  const blocksPerCell = Math.max(1, Math.ceil(states.length / cellsMax));
  const runs: number[] = [];
  for (let start = 0; start < states.length; start += blocksPerCell) {
    const state = blocksPerCell === 1 ? states[start] : commonest(states.slice(start, start + blocksPerCell));
    if (runs.at(-2) === state) runs[runs.length - 1] = (runs.at(-1) ?? 0) + 1;
    else runs.push(state ?? freeCell, 1);
  }
  return { blockCount: states.length, blocksPerCell, runs };
}

/** The most frequent state; of equally frequent states the first. */
function commonest(states: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const state of states) counts.set(state, (counts.get(state) ?? 0) + 1);
  let best = freeCell;
  for (const [state, count] of counts) if (count > (counts.get(best) ?? 0)) best = state;
  return best;
}
