import { assert } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockPool } from './block-pool.ts';
import { type BlockId, blockId } from './ids.ts';

/** A chain of made-up hashes: the pool does not care where they come from. */
function chain(...seeds: number[]): number[] {
  return seeds.flatMap((seed) => [seed, seed * 7, seed * 13, -seed]);
}

function takeOne(pool: BlockPool): BlockId {
  const block = pool.allocate();
  assert(block !== null, 'the pool is empty');
  return block;
}

function take(pool: BlockPool, count: number): BlockId[] {
  return Array.from({ length: count }, () => takeOne(pool));
}

describe('order', () => {
  test('a new pool gives its blocks in order, then null', () => {
    const pool = new BlockPool(3);
    expect([pool.allocate(), pool.allocate(), pool.allocate(), pool.allocate()]).toEqual([0, 1, 2, null]);
    expect([pool.freeCount, pool.cachedCount, pool.ownedCount]).toEqual([0, 0, 3]);
  });

  test('blocks without content are taken first, cached ones from the tail of the oldest chain on', () => {
    const pool = new BlockPool(10);
    const first = take(pool, 4);
    const second = take(pool, 3);
    for (const [depth, block] of first.slice(0, 3).entries()) pool.publish(block, chain(1, 2, 3), depth);
    for (const [depth, block] of second.slice(0, 2).entries()) pool.publish(block, chain(4, 5), depth);
    for (const block of first.reverse()) pool.release(block);
    for (const block of second.reverse()) pool.release(block);
    // Free: 6 and 3 were never full and come back in front of the untouched 7 8 9. Cached: 2 1 0, then 5 4.
    expect(pool.freeOrder()).toEqual([6, 3, 7, 8, 9, 2, 1, 0, 5, 4]);
    expect(take(pool, 6)).toEqual([6, 3, 7, 8, 9, 2]);
    expect(pool.evictions).toBe(1);
    expect([1, 2, 3].map((_, depth) => pool.find(chain(1, 2, 3), depth * 4))).toEqual([0, 1, null]);
  });

  test('a hit takes a block out of the middle of the cached list and puts it back as the most recent', () => {
    const pool = new BlockPool(3);
    const blocks = take(pool, 3);
    for (const [index, block] of blocks.entries()) pool.publish(block, chain(index + 1), 0);
    for (const block of blocks) pool.release(block);
    pool.share(blockId(1));
    expect(pool.freeOrder()).toEqual([0, 2]);
    pool.release(blockId(1));
    expect(pool.freeOrder()).toEqual([0, 2, 1]);
  });
});

describe('content', () => {
  test('a second block of the same content is given back for the first', () => {
    const pool = new BlockPool(4);
    const [one, other] = [takeOne(pool), takeOne(pool)];
    expect(pool.publish(one, chain(9), 0)).toBe(0);
    expect(pool.publish(other, chain(9), 0)).toBe(0);
    expect([pool.references(one), pool.references(other)]).toEqual([2, 0]);
    expect(pool.freeOrder()).toEqual([1, 2, 3]);
  });

  test('a block whose content changes is not found any more', () => {
    const pool = new BlockPool(1);
    const block = takeOne(pool);
    pool.publish(block, chain(9), 0);
    pool.unpublish(block);
    expect(pool.find(chain(9), 0)).toBeNull();
    pool.release(block);
    expect([pool.freeCount, pool.cachedCount]).toEqual([1, 0]);
  });
});

test('a wrong call is a bug and says so', () => {
  const pool = new BlockPool(2);
  const block = takeOne(pool);
  expect(() => pool.share(blockId(1))).toThrow('block 1 is free: there is nothing in it to share');
  expect(() => pool.publish(blockId(1), chain(1), 0)).toThrow('block 1 has no owner that could publish it');
  pool.share(block);
  expect(() => pool.unpublish(block)).toThrow('block 0 may change only when it has one owner');
  pool.release(block);
  pool.release(block);
  expect(() => pool.release(block)).toThrow('block 0 is released more often than it was taken');
  expect(() => pool.checkIntegrity(Int32Array.of(1, 0))).toThrow('block 0: 0 references, 1 owners');
});

/** The same pool written down as plainly as possible: arrays, searched from the front. */
class PlainPool {
  readonly owners = new Map<number, number>();
  readonly contents = new Map<number, number>();
  free: number[];
  cached: number[] = [];

  constructor(blockCount: number) {
    this.free = Array.from({ length: blockCount }, (_, block) => block);
  }

  allocate(): number | null {
    const block = this.free.shift() ?? this.cached.shift() ?? null;
    if (block === null) return null;
    this.contents.delete(block);
    this.owners.set(block, 1);
    return block;
  }

  share(block: number): void {
    this.cached = this.cached.filter((other) => other !== block);
    this.owners.set(block, (this.owners.get(block) ?? 0) + 1);
  }

  release(block: number): void {
    const left = (this.owners.get(block) ?? 0) - 1;
    if (left > 0) this.owners.set(block, left);
    else {
      this.owners.delete(block);
      if (this.contents.has(block)) this.cached.push(block);
      else this.free.unshift(block);
    }
  }

  find(content: number): number | null {
    return [...this.contents].find(([, other]) => other === content)?.[0] ?? null;
  }

  publish(block: number, content: number): void {
    const existing = this.find(content);
    if (existing === null) this.contents.set(block, content);
    else if (existing !== block) {
      this.share(existing);
      this.release(block);
    }
  }
}

test('any history: the same blocks in the same order as the plain pool', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 12 }), (seed, blockCount) => {
      const [random, pool, plain] = [
        seededRandom(seed),
        new BlockPool(blockCount),
        new PlainPool(blockCount),
      ];
      for (let count = 0; count < 120; count++) operate(random, pool, plain);
    }),
    { numRuns: 50 },
  );
});

function operate(random: Random, pool: BlockPool, plain: PlainPool): void {
  const owned = [...plain.owners.keys()];
  const block = blockId(owned[randomInteger(random, 0, Math.max(1, owned.length))] ?? -1);
  const content = randomInteger(random, 1, 9);
  const choice = random();
  if (choice < 0.35 || owned.length === 0) expect(pool.allocate()).toBe(plain.allocate());
  else if (choice < 0.65) {
    pool.release(block);
    plain.release(block);
  } else if (choice < 0.8 && !plain.contents.has(block)) {
    const kept = pool.publish(block, chain(content), 0);
    plain.publish(block, content);
    expect(kept).toBe(plain.find(content));
  } else {
    const found = pool.find(chain(content), 0);
    expect(found).toBe(plain.find(content));
    if (found !== null) {
      pool.share(found);
      plain.share(found);
    }
  }
  expect(pool.freeOrder()).toEqual([...plain.free, ...plain.cached]);
  pool.checkIntegrity(
    Int32Array.from({ length: pool.blockCount }, (_, index) => plain.owners.get(index) ?? 0),
  );
}
