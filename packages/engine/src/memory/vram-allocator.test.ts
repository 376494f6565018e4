/** Invariants of device memory under random use: tags sum to the allocated bytes, the headroom stays free. */
import { KiB, PlimsollError } from '@plimsoll/foundation';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import type { LedgerCategory } from '@plimsoll/planner/ledger';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryAccount } from './memory-account.ts';
import { type Region, VramAllocator } from './vram-allocator.ts';

const pageBytes = 64 * KiB;

function allocator(
  totalBytes: number,
  headroomBytes = 0,
): { account: MemoryAccount; vram: VramAllocator<{ buffer: ArrayBuffer }> } {
  const account = new MemoryAccount({ totalBytes, headroomBytes });
  const vram = new VramAllocator(account, (size) => ({ buffer: new ArrayBuffer(size) }), 8 * pageBytes);
  return { account, vram };
}

const categories: readonly LedgerCategory[] = ['weights', 'kv-cache', 'workspace'];

test('fuzz: sums, headroom and places are right after every operation; after all releases nothing is held', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const headroomBytes = randomInteger(random, 0, 10) * pageBytes;
      const { vram } = allocator(24 * pageBytes, headroomBytes);
      const regions: Region[] = [];
      for (let step = 0; step < 60; step++) {
        if (random() < 0.6) {
          const category = categories[randomInteger(random, 0, categories.length)] ?? 'weights';
          const bytes = randomInteger(random, 1, random() < 0.5 ? 5000 : 3 * pageBytes);
          try {
            const alignment = 2 ** randomInteger(random, 0, 9);
            const region = vram.allocate({ category, tag: `tag ${bytes % 3}`, bytes, alignment });
            expect(region.offset % alignment).toBe(0);
            regions.push(region);
          } catch (error) {
            if (!(error instanceof PlimsollError)) throw error;
            expect(error.code).toBe('out-of-memory-budget');
          }
        } else if (regions.length > 0) {
          const [region] = regions.splice(randomInteger(random, 0, regions.length), 1);
          if (region !== undefined) vram.release(region);
        }
        vram.checkIntegrity();
        expect(vram.allocatedBytes + vram.headroomBytes).toBeLessThanOrEqual(vram.totalBytes);
        expect(vram.report().reduce((sum, entry) => sum + entry.bytes, 0)).toBe(vram.allocatedBytes);
      }
      for (const region of regions) vram.release(region);
      expect([vram.allocatedBytes, vram.regionCount, vram.arenas.length]).toEqual([0, 0, 0]);
      expect(vram.report()).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test('refuses an allocation that would reach into the headroom, with the numbers', () => {
  const { vram } = allocator(4 * pageBytes, pageBytes);
  vram.allocate({ category: 'weights', tag: 'mlp', bytes: 2 * pageBytes });
  try {
    vram.allocate({ category: 'kv-cache', tag: 'full attention', bytes: 2 * pageBytes });
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(PlimsollError);
    expect(error instanceof PlimsollError && error.toJSON()).toMatchInlineSnapshot(`
      {
        "code": "out-of-memory-budget",
        "hint": "give the engine more memory (--memory), fewer sequences or a shorter context",
        "limit": 65536,
        "message": "runtime arena rounding needs 128.00 KiB; 64.00 KiB of 256.00 KiB are left, with 64.00 KiB kept free: 64.00 KiB short",
        "value": 131072,
      }
    `);
  }
  vram.checkIntegrity();
});

test('a second release, a release by another allocator, and use after release throw', () => {
  const { vram } = allocator(8 * pageBytes);
  const { vram: other } = allocator(8 * pageBytes);
  const region = vram.allocate({ category: 'weights', tag: 'mlp', bytes: 100 });
  const foreign = other.allocate({ category: 'weights', tag: 'mlp', bytes: 100 });
  expect(() => vram.release(foreign)).toThrowError('released twice, or never allocated here');
  expect(() => vram.release({ ...region })).toThrowError('released twice, or never allocated here');
  vram.release(region);
  expect(() => vram.release(region)).toThrowError('released twice, or never allocated here');
  expect(() => vram.view(region)).toThrowError('read after release');
  expect(() => vram.memory(region.arena)).toThrowError('is not open');
});

test('a charge can be discharged once, at its own account', () => {
  const account = new MemoryAccount({ totalBytes: 100, headroomBytes: 10 });
  const other = new MemoryAccount({ totalBytes: 100, headroomBytes: 10 });
  const charge = account.charge({ category: 'runtime', tag: 'process', tier: 'host' }, 90);
  expect(account.availableBytes).toBe(0);
  expect(() => other.discharge(charge)).toThrowError('never charged here');
  expect(() => account.keepFree(11)).toThrowError('1 B short');
  account.discharge(charge);
  expect(() => account.discharge(charge)).toThrowError('released twice');
  expect(account.allocatedBytes).toBe(0);
});

test('place takes the exact bytes, and asserts that they are free', () => {
  const { vram } = allocator(8 * pageBytes);
  const arena = vram.openArena(pageBytes + 1);
  const region = vram.place({ category: 'weights', tag: 'head', arena, offset: 128, bytes: 640 });
  expect(vram.allocatedBytes).toBe(2 * pageBytes);
  expect(vram.report().map(({ tag, bytes }) => `${tag} ${bytes}`)).toEqual([
    'head 640',
    `arena rounding ${2 * pageBytes - 640}`,
  ]);
  expect(() => vram.place(region)).toThrowError('is not free');
  vram.release(region);
  expect(vram.arenas).toEqual([]);
});

test('refuses a region larger than an arena, by name', () => {
  const { vram } = allocator(100 * pageBytes);
  expect(() => vram.allocate({ category: 'weights', tag: 'mlp', bytes: 9 * pageBytes })).toThrowError(
    'cannot be opened',
  );
  const arena = vram.openArena(pageBytes);
  expect(() =>
    vram.allocate({ category: 'weights', tag: 'mlp', bytes: 2 * pageBytes, arena }),
  ).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: mlp needs 131072 contiguous bytes; arena 0 has no free range of that size]`,
  );
  expect(() => vram.closeArena(7)).toThrowError('arena 7 is not open');
  vram.closeArena(arena);
  expect(vram.allocatedBytes).toBe(0);
});

test('an arena that the system refuses does not change the account', () => {
  const account = new MemoryAccount({ totalBytes: 8 * pageBytes, headroomBytes: 0 });
  const vram = new VramAllocator(account, () => {
    throw new PlimsollError({ code: 'arena-refused', message: 'no address space' });
  });
  expect(() => vram.openArena(pageBytes)).toThrowError('no address space');
  expect(account.allocatedBytes).toBe(0);
});
