/** The two pools that open on first use: host staging, and scratch in arenas. */
import { KiB } from '@plimsoll/foundation';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DeviceAllocator, type ScratchBlock } from './device-allocator.ts';
import { MemoryAccount } from './memory-account.ts';
import { PinnedAllocator, type PinnedBlock } from './pinned-allocator.ts';
import type { Region } from './vram-allocator.ts';

test('staging: the first block charges the pool, the memory is shared, close frees it', () => {
  const account = new MemoryAccount({ totalBytes: 128 * KiB, headroomBytes: 0 });
  const pinned = new PinnedAllocator(account, 100 * KiB);
  expect([pinned.isOpen, account.allocatedBytes]).toEqual([false, 0]);
  const block = pinned.allocate({ tag: 'file', bytes: 60 * KiB });
  expect([pinned.allocatedBytes, account.allocatedBytes, pinned.freeBytes]).toEqual([
    100 * KiB,
    100 * KiB,
    40 * KiB,
  ]);
  expect(block.view.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(() => pinned.allocate({ tag: 'spill', bytes: 50 * KiB })).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: spill needs 51200 bytes of staging; 40960 of 102400 are free]`,
  );
  expect(() => pinned.close()).toThrowError('1 blocks in use');
  pinned.release(block);
  expect(() => pinned.release(block)).toThrowError('released twice');
  pinned.close();
  expect(account.allocatedBytes).toBe(0);
  pinned.checkIntegrity();
});

test('a block larger than the pool is refused before the pool opens', () => {
  const account = new MemoryAccount({ totalBytes: 128 * KiB, headroomBytes: 0 });
  const pinned = new PinnedAllocator(account, KiB);
  expect(() => pinned.allocate({ tag: 'file', bytes: 2 * KiB })).toThrowError('needs 2048 bytes of staging');
  expect([pinned.isOpen, account.allocatedBytes]).toEqual([false, 0]);
});

test('fuzz: staging and scratch never allocate a byte twice', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const pinned = new PinnedAllocator(
        new MemoryAccount({ totalBytes: 64 * KiB, headroomBytes: 0 }),
        16 * KiB,
      );
      const scratch = new DeviceAllocator({ open: regionOf, close: () => {} });
      const held: (readonly [PinnedBlock, ScratchBlock])[] = [];
      for (let step = 0; step < 50; step++) {
        const bytes = randomInteger(random, 1, 2000);
        if (random() < 0.6 && pinned.freeBytes > 4 * 2064) {
          const pair = [
            pinned.allocate({ tag: 'block', bytes }),
            scratch.allocate({ arena: step % 2, bytes, tag: 'block' }),
          ] as const;
          pair[0].view.fill(step + 1);
          held.push(pair);
        } else {
          const [pair] = held.splice(randomInteger(random, 0, held.length + 1), 1);
          if (pair === undefined) continue;
          const [first] = pair[0].view;
          expect(pair[0].view.every((byte) => byte === first)).toBe(true);
          pinned.release(pair[0]);
          scratch.release(pair[1]);
        }
        pinned.checkIntegrity();
        scratch.checkIntegrity();
      }
    }),
    { numRuns: 100 },
  );
});

function regionOf(arena: number): Region {
  return { category: 'activations', tag: 'step buffers', arena, offset: 4096, bytes: 32 * KiB };
}

test('scratch: the first block opens the pool, released memory is reused, the high-water mark stays', () => {
  const opened: number[] = [];
  const closed: number[] = [];
  const scratch = new DeviceAllocator({
    open: (arena) => {
      opened.push(arena);
      return regionOf(arena);
    },
    close: (region) => closed.push(region.arena),
  });
  expect(scratch.allocatedBytes).toBe(0);
  const first = scratch.allocate({ arena: 1, bytes: 1000, tag: 'rows' });
  const second = scratch.allocate({ arena: 1, bytes: 1000, tag: 'rows' });
  expect([first.offset, second.offset]).toEqual([4096, 4096 + 1024]);
  scratch.release(first);
  expect(scratch.allocate({ arena: 1, bytes: 900, tag: 'rows' }).offset).toBe(4096);
  expect(scratch.highWaterBytes(1)).toBe(2000);
  expect(scratch.highWaterBytes(0)).toBe(0);
  scratch.reset();
  expect(() => scratch.release(second)).toThrowError('released twice');
  scratch.checkIntegrity();
  scratch.close();
  expect([opened, closed]).toEqual([[1], [1]]);
});
