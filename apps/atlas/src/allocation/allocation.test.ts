import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ContiguousMemory, type Region } from './contiguous-memory.ts';
import { Race, runRace, usualRace } from './race.ts';

test('contiguous memory: what is out and what is free never overlap and always add up', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 60 }))), (moves) => {
      const memory = new ContiguousMemory(200);
      const out: Region[] = [];
      for (const [takes, size] of moves) {
        const released = takes ? undefined : out.splice(size % Math.max(1, out.length), 1)[0];
        if (released !== undefined) memory.release(released);
        const fitted = memory.longestHole >= size;
        const taken = takes ? memory.allocate(size) : null;
        if (takes) expect(taken !== null).toBe(fitted);
        if (taken !== null) out.push(taken);
        const owners = new Array<number>(200).fill(0);
        for (const { start, length } of [...out, ...memory.holes]) {
          for (let token = start; token < start + length; token++) owners[token] = (owners[token] ?? 0) + 1;
        }
        expect(owners.every((count) => count === 1)).toBe(true);
      }
    }),
  );
});

test('first fit takes the first hole that is long enough, and a hole too short stays', () => {
  const memory = new ContiguousMemory(100);
  const [first, second] = [memory.allocate(30), memory.allocate(30)];
  expect([first, second]).toEqual([
    { start: 0, length: 30 },
    { start: 30, length: 30 },
  ]);
  if (first !== null) memory.release(first);
  expect([memory.freeLength, memory.longestHole]).toEqual([70, 40]);
  expect(memory.allocate(50)).toBeNull();
  expect(memory.allocate(20)).toEqual({ start: 0, length: 20 });
  expect(() => second !== null && [memory.release(second), memory.release(second)]).toThrowError(
    'freed twice',
  );
});

test('every counter of the race is what the block pool and the regions say', () => {
  const race = new Race({ ...usualRace, requestCount: 16, seed: 3 });
  const { memoryTokens, blockTokens } = race.limits;
  let shared = 0;
  while (!race.isDone) {
    race.step();
    race.paged.scheduler.checkIntegrity();
    const [occupancy] = race.paged.scheduler.occupancy;
    const { use, cells } = race.paged;
    expect(use.ownedBlocks).toBe(occupancy?.owned);
    expect(use.keptBlocks).toBe(occupancy?.cached);
    expect(cells.filter((cell) => cell === 'kept').length).toBe(occupancy?.cached);
    expect(cells.filter((cell) => cell === 'free').length).toBe(occupancy?.free);
    shared = Math.max(shared, use.sharedBlocks);
    for (const one of [use, race.static.use]) {
      expect(one.usedTokens + one.internalTokens + one.freeTokens).toBe(memoryTokens);
      expect(Math.min(one.usedTokens, one.internalTokens, one.freeTokens)).toBeGreaterThanOrEqual(0);
    }
    // A request leaves at most its last block unfilled, and one more that a step has just added.
    expect(use.internalTokens).toBeLessThanOrEqual(2 * blockTokens * Math.max(1, use.running));
  }
  expect(shared).toBeGreaterThan(0);
  expect(race.paged.use.finished).toBe(16);
  expect(race.static.use.finished).toBe(16);
});

test('pages hold more answers in the same memory, whatever the requests', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const { static: contiguous, paged } = runRace({ ...usualRace, seed });
    expect(paged.steps, `seed ${seed}`).toBeLessThan(contiguous.steps);
    expect(paged.usedShare, `seed ${seed}`).toBeGreaterThan(contiguous.usedShare);
    expect(paged.internalShare, `seed ${seed}`).toBeLessThan(0.05);
    expect(contiguous.internalShare, `seed ${seed}`).toBeGreaterThan(0.2);
  }
});

test('one seed is one run', () => {
  expect(runRace(usualRace)).toEqual(runRace(usualRace));
});
