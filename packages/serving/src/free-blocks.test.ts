import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { expect, test } from 'vitest';
import { FreeBlocks } from './free-blocks.ts';
import { blockId } from './ids.ts';

const runSeed = Number(process.env.PLIMSOLL_SEED ?? 0);

test('any history: the same blocks in the same order as an array', () => {
  const random = seededRandom(runSeed);
  const free = new FreeBlocks(9);
  // The next block comes first.
  let plain = Array.from({ length: 9 }, (_, block) => blockId(block));
  const taken: number[] = [];
  for (let count = 0; count < 2000; count++) {
    const choice = random();
    const owned = taken[randomInteger(random, 0, Math.max(1, taken.length))];
    if (choice < 0.5 && owned !== undefined) {
      taken.splice(taken.indexOf(owned), 1);
      free.push(blockId(owned));
      plain = [blockId(owned), ...plain];
    } else if (choice < 0.8 && plain.length > 0) {
      const block = free.pop();
      expect(block).toBe(plain[0]);
      plain = plain.slice(1);
      taken.push(block);
    } else if (plain.length > 0) {
      const block = plain[randomInteger(random, 0, plain.length)] ?? blockId(0);
      free.remove(block);
      plain = plain.filter((other) => other !== block);
      taken.push(block);
    }
    expect([...free]).toEqual(plain);
    expect(free.length).toBe(plain.length);
  }
});

test('refuses a block too many, a block that is not free, and a pop without blocks', () => {
  const free = new FreeBlocks(1);
  expect(() => free.push(blockId(0))).toThrow('block 0 is free twice');
  free.pop();
  expect(() => free.pop()).toThrow('pop without free blocks');
  expect(() => free.remove(blockId(0))).toThrow('block 0 is not free');
});
