import fc from 'fast-check';
import { expect, test } from 'vitest';
import { blockCells, cachedCell, freeCell } from './block-cells.ts';

test('free, cached, owned and shared blocks are runs of cells', () => {
  const owners = [1, 1, 2, 0, 0, 0, 1, 3];
  const blocks = owners.map((count, block) => ({ owners: count, published: block === 3 }));
  const sequences = [
    { id: 7, blocks: [0, 1, 2, 7] },
    { id: 9, blocks: [2, 6, 7] },
  ];
  expect(blockCells({ blocks, sequences })).toEqual({
    blockCount: 8,
    blocksPerCell: 1,
    runs: [7, 2, -4, 1, cachedCell, 1, freeCell, 2, 9, 1, -5, 1],
  });
});

test('the cells of any pool cover its blocks, and there are at most 2,048', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 20_000 }), fc.array(fc.nat(19_999)), (count, taken) => {
      const owned = [...new Set(taken.filter((block) => block < count))];
      const blocks = Array.from({ length: count }, () => ({ owners: 0, published: false }));
      for (const block of owned) blocks[block] = { owners: 1, published: true };
      const { runs, blocksPerCell, blockCount } = blockCells({
        blocks,
        sequences: [{ id: 3, blocks: owned }],
      });
      const cells = runs.filter((_, index) => index % 2 === 1).reduce((sum, length) => sum + length, 0);
      expect(cells).toBe(Math.ceil(count / blocksPerCell));
      expect(cells).toBeLessThanOrEqual(2048);
      expect(blockCount).toBe(count);
      if (blocksPerCell === 1) {
        const ownedCells = runs.reduce(
          (sum, value, index) => sum + (index % 2 === 0 && value === 3 ? (runs[index + 1] ?? 0) : 0),
          0,
        );
        expect(ownedCells).toBe(owned.length);
      }
    }),
    { numRuns: 50 },
  );
});
