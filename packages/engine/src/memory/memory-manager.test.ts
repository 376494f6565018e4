/** The engine holds exactly the planned bytes, and can free all of them. */
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { type EngineOptions, memoryNeeded, planEngineMemory } from '@plimsoll/planner/engine-memory';
import { diffLedgers, formatDifference, ledgerBytes } from '@plimsoll/planner/ledger';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryManager, MemoryManager } from './memory-manager.ts';
import { tinySpec } from './test-specs.ts';

function tinyOptions(random: Random): EngineOptions {
  return {
    sequencesMax: randomInteger(random, 1, 5),
    contextMax: randomInteger(random, 16, 1200),
    kvFormat: random() < 0.5 ? 'fp16' : 'q8_0',
    blockTokens: 8 * randomInteger(random, 1, 5),
    prefillChunkTokens: randomInteger(random, 1, 200),
    threads: randomInteger(random, 1, 4),
    kvShare: random() < 0.5 ? 1 : random(),
    reserveShare: random() * 0.9,
    stagingBytes: randomInteger(random, 0, 3) * MiB,
    hiddenStatesBytes: randomInteger(random, 0, 2) * MiB,
    constrainedOutput: random() < 0.5,
    arenaBytesMax: pagesMax(random),
    draft: random() < 0.3 ? { spec: tinySpec(random), tokens: randomInteger(random, 1, 5) } : undefined,
  };
}

/** A small limit, so that most models need several arenas. */
function pagesMax(random: Random): number {
  return randomInteger(random, 30, 260) * 65_536;
}

/** A manager whose arenas are ordinary buffers: all counts are the same as with Wasm memory. */
function managerOf(memoryBytes: number, stagingBytes: number): MemoryManager<{ buffer: ArrayBuffer }> {
  return new MemoryManager({
    memoryBytes,
    stagingBytes,
    createArena: (sizeBytes) => ({ buffer: new ArrayBuffer(sizeBytes) }),
  });
}

test('plan and allocations are equal, entry by entry; after close nothing is held', () => {
  let adopted = 0;
  let spread = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
      const random = seededRandom(seed);
      const spec = tinySpec(random);
      const options = tinyOptions(random);
      const { stagingBytes = 0 } = options;
      const manager = managerOf(180 * MiB + Math.floor(random() * 500 * MiB), stagingBytes);
      try {
        const plan = manager.plan(spec, options);
        manager.adopt(plan);
        expect(diffLedgers(plan.ledger, manager.ledger()).map(formatDifference)).toEqual([]);
        const held = ledgerBytes(manager.ledger()) + ledgerBytes(manager.ledger(), { tier: 'host' });
        expect(held).toBeLessThanOrEqual(manager.vram.totalBytes);
        expect(manager.vram.allocatedBytes).toBe(sum(plan.storage.arenaBytes));
        manager.checkIntegrity();
        manager.close();
        adopted++;
        if (plan.storage.arenaBytes.length > 1) spread++;
      } catch (error) {
        if (!(error instanceof PlimsollError)) throw error;
        expect(['over-memory-budget', 'exceeds-arena', 'bad-kv-format']).toContain(error.code);
        refused++;
      }
      expect(manager.ledger().entries).toEqual([]);
      expect(manager.vram.arenas).toEqual([]);
      manager.checkIntegrity();
    }),
    { numRuns: 120 },
  );
  expect(adopted).toBeGreaterThan(20);
  expect(spread).toBeGreaterThan(2);
  expect(refused).toBeGreaterThan(0);
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

test('a plan that does not fit is not adopted, not even in part', () => {
  const spec = tinySpec(seededRandom(7));
  const request = { spec, options: { contextMax: 256, stagingBytes: MiB } };
  const freeBytes = memoryNeeded({ ...request, freeBytes: 2048 * MiB });
  const plan = planEngineMemory({ ...request, freeBytes });
  const manager = managerOf(freeBytes - 8 * MiB, MiB);
  expect(() => manager.adopt(plan)).toThrowError(PlimsollError);
  expect(manager.ledger().entries).toEqual([]);
  manager.checkIntegrity();
});

test('a new manager holds nothing', () => {
  const manager = managerOf(100 * MiB, 64 * MiB);
  expect(manager.ledger()).toEqual({ entries: [] });
  expect(manager.pinned.isOpen).toBe(false);
  expect(manager.pinned.allocatedBytes).toBe(0);
  expect(manager.scratch.allocatedBytes).toBe(0);
  manager.close();
});

test('staging and arenas charge one account, under one limit', () => {
  const manager = managerOf(66 * MiB, 64 * MiB);
  const block = manager.pinned.allocate({ tag: 'file', bytes: MiB });
  expect(() => manager.vram.allocate({ category: 'weights', tag: 'attention', bytes: 3 * MiB })).toThrowError(
    '1.00 MiB short',
  );
  manager.pinned.release(block);
  manager.pinned.close();
  const region = manager.vram.allocate({ category: 'weights', tag: 'attention', bytes: 3 * MiB });
  expect(() => manager.pinned.allocate({ tag: 'file', bytes: MiB })).toThrowError('1.00 MiB short');
  manager.vram.release(region);
  manager.checkIntegrity();
});

test('scratch uses only the step buffers of the plan', () => {
  const manager = managerOf(600 * MiB, MiB);
  const plan = manager.plan(tinySpec(seededRandom(3)), { contextMax: 128 });
  manager.adopt(plan);
  const before = manager.ledger();
  const stepRegion = manager.region('step buffers 0');
  const block = manager.scratch.allocate({ arena: 0, bytes: 4096, tag: 'rows of a file' });
  expect(block.offset).toBe(stepRegion.offset);
  expect(manager.ledger()).toEqual(before);
  expect(() => manager.scratch.allocate({ arena: 0, bytes: stepRegion.bytes, tag: 'too much' })).toThrowError(
    'scratch',
  );
  manager.close();
  manager.checkIntegrity();
});

test('arenas of the Wasm backend are shared memories of whole pages', () => {
  const manager = createMemoryManager({ memoryBytes: 600 * MiB });
  const plan = manager.plan(tinySpec(seededRandom(5)), { contextMax: 128 });
  manager.adopt(plan);
  plan.storage.arenaBytes.forEach((size, arena) => {
    const { buffer } = manager.vram.memory(arena);
    expect(buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(buffer.byteLength).toBe(size);
  });
  const [tensor] = plan.storage.tensors;
  const region = manager.region('kernel control 0');
  expect(region.offset).toBe(0);
  expect(manager.vram.view(region).byteLength).toBe(65_536);
  expect(tensor?.offset).toBeGreaterThan(0);
  manager.close();
});
