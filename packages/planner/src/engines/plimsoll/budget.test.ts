/** Tests the rules of the budget. Each example test reproduces a mistake of a real engine. */
import { GiB, MiB, PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ggufSpec } from '../../gguf-recipes/gguf-spec.ts';
import { model } from '../../test-models.ts';
import type { MemoryBudget } from './budget.ts';
import { planEngineMemory } from './memory-plan.ts';
import { admitEngineMemory, memoryNeeded } from './option-changes.ts';
import type { EngineOptions } from './settings.ts';

const names = [
  'meta-llama/Llama-3.1-8B-Instruct',
  'google/gemma-3-12b-it',
  'Qwen/Qwen3-30B-A3B',
  'Qwen/Qwen3.5-4B',
  'openai/gpt-oss-20b',
] as const;
const specs = new Map(names.map((name) => [name, ggufSpec(model(name), 'Q4_K_M')]));

function specOf(name: (typeof names)[number]): ReturnType<typeof ggufSpec> {
  const spec = specs.get(name);
  if (spec === undefined) throw new Error(`${name} is not among the models of this test`);
  return spec;
}

function budget(name: (typeof names)[number], freeBytes: number, options: EngineOptions): MemoryBudget {
  return planEngineMemory({ spec: specOf(name), freeBytes, options }).budget;
}

const anyName = fc.constantFrom(...names);
const anyFree = fc.integer({ min: 256 * MiB, max: 48 * GiB });
const anyOptions = fc.record({
  sequencesMax: fc.integer({ min: 1, max: 16 }),
  contextMax: fc.integer({ min: 1, max: 16_384 }),
  kvFormat: fc.constantFrom('fp16' as const, 'q8_0' as const),
  prefillChunkTokens: fc.integer({ min: 1, max: 1024 }),
  threads: fc.integer({ min: 1, max: 8 }),
  kvShare: fc.constantFrom(1, 0.9, 0.5, 0),
  reserveShare: fc.constantFrom(0.02, 0, 0.1),
});

/** Returns null if a layer and its cache exceed an arena, which is refused for any amount of memory. */
function budgetOrNull(
  name: (typeof names)[number],
  freeBytes: number,
  options: EngineOptions,
): MemoryBudget | null {
  try {
    return budget(name, freeBytes, options);
  } catch (error) {
    if (error instanceof PlimsollError && error.code === 'exceeds-arena') return null;
    throw error;
  }
}

test('the parts sum to the free memory, and the pool stays within the available bytes', () => {
  fc.assert(
    fc.property(anyName, anyFree, anyOptions, (name, freeBytes, options) => {
      const found = budgetOrNull(name, freeBytes, options);
      if (found === null) return;
      const paid =
        found.reserveBytes +
        found.stateBytes +
        found.windowBytes +
        found.weightBytes +
        found.draftBytes +
        found.workspaceBytes;
      expect(paid + found.availableBytes).toBe(freeBytes);
      expect(found.poolBlocks).toBeLessThanOrEqual(found.blocksNeeded);
      if (found.shortBytes === 0) {
        expect(found.kvBytes).toBeLessThanOrEqual(found.availableBytes);
        expect(found.sequencesHeld).toBeGreaterThanOrEqual(1);
      } else {
        expect(found.sequencesHeld).toBe(0);
        expect(found.shortBytes).toBe(found.kvBytes - found.availableBytes);
      }
    }),
    { numRuns: 60 },
  );
});

test('more memory never gives fewer blocks, and never refuses an accepted request', () => {
  fc.assert(
    fc.property(anyName, anyFree, anyFree, anyOptions, (name, first, second, options) => {
      const less = budgetOrNull(name, Math.min(first, second), options);
      const more = budgetOrNull(name, Math.max(first, second), options);
      if (less === null || more === null) return;
      expect(more.poolBlocks).toBeGreaterThanOrEqual(less.poolBlocks);
      expect(more.sequencesHeld).toBeGreaterThanOrEqual(less.sequencesHeld);
      expect(more.shortBytes).toBeLessThanOrEqual(less.shortBytes);
    }),
    { numRuns: 60 },
  );
});

test('the pool is the largest that fits: one more block would not fit', () => {
  const spec = specOf('meta-llama/Llama-3.1-8B-Instruct');
  const options = { sequencesMax: 4, contextMax: 8192 };
  fc.assert(
    fc.property(fc.integer({ min: 6500 * MiB, max: 9 * GiB }), (freeBytes) => {
      const { budget: found } = planEngineMemory({ spec, freeBytes, options });
      if (found.poolBlocks === found.blocksNeeded || found.shortBytes > 0) return;
      const blockBytes = found.kvBytes / found.poolBlocks;
      // The unused bytes are less than a block plus the workspace of the arena that one more block may open.
      expect(found.availableBytes - found.kvBytes).toBeLessThan(blockBytes + 200 * MiB);
    }),
    { numRuns: 30 },
  );
});

test('the reserve has an absolute floor, because a share of a small budget would not hold the process', () => {
  const small = budget('google/gemma-3-12b-it', 1 * GiB, { contextMax: 512 });
  const large = budget('google/gemma-3-12b-it', 40 * GiB, { contextMax: 512 });
  expect(small.reserveBytes).toBeGreaterThan(300 * MiB);
  expect(large.reserveBytes).toBe(Math.floor(0.02 * 40 * GiB));
});

test('the reserve grows with the enabled features', () => {
  const reserve = (options: EngineOptions): number =>
    budget('meta-llama/Llama-3.1-8B-Instruct', 8 * GiB, { contextMax: 512, ...options }).reserveBytes;
  const plain = reserve({ threads: 1 });
  expect(reserve({ threads: 5 }) - plain).toBe(4 * 20 * MiB);
  expect(reserve({ threads: 1, constrainedOutput: true })).toBeGreaterThan(plain);
  expect(reserve({ threads: 1, sequencesMax: 64 })).toBeGreaterThan(plain);
});

test('sliding layers are charged a fixed span per sequence, and only full layers grow with context', () => {
  const at = (contextMax: number, sequencesMax: number): MemoryBudget =>
    budget('google/gemma-3-12b-it', 64 * GiB, { contextMax, sequencesMax });
  const [short, long] = [at(4096, 1), at(65_536, 1)];
  expect(long.windowBytes).toBe(short.windowBytes);
  expect(long.kvBytes).toBe(16 * short.kvBytes);
  expect(at(4096, 3).windowBytes).toBe(3 * short.windowBytes);
  // 40 sliding layers of 8 kv heads of 256 in f16: window 1024 + chunk 512 + one block of 16.
  expect(short.windowBytes).toBe(40 * (1024 + 512 + 16) * 2 * 8 * 256 * 2);
});

test('a window longer than the context is charged like the context', () => {
  const found = budget('google/gemma-3-12b-it', 64 * GiB, { contextMax: 256 });
  expect(found.windowBytes).toBe(40 * 256 * 2 * 8 * 256 * 2);
});

test('recurrent state is charged per sequence, for any context', () => {
  const at = (contextMax: number, sequencesMax: number): number =>
    budget('Qwen/Qwen3.5-4B', 64 * GiB, { contextMax, sequencesMax }).stateBytes;
  expect(at(1024, 1)).toBeGreaterThan(0);
  expect(at(32_768, 1)).toBe(at(1024, 1));
  expect(at(1024, 8)).toBe(8 * at(1024, 1));
});

test('the budget subtracts workspaces before the pool, although they are allocated after it', () => {
  const at = (prefillChunkTokens: number): MemoryBudget =>
    budget('meta-llama/Llama-3.1-8B-Instruct', 7 * GiB, {
      contextMax: 4096,
      sequencesMax: 8,
      prefillChunkTokens,
    });
  const [narrow, wide] = [at(128), at(1024)];
  expect(wide.workspaceBytes).toBeGreaterThan(narrow.workspaceBytes + 100 * MiB);
  expect(wide.poolBlocks).toBeLessThan(narrow.poolBlocks);
});

test('the pool takes its share, but at least one full sequence', () => {
  const at = (kvShare: number): MemoryBudget =>
    budget('meta-llama/Llama-3.1-8B-Instruct', 9 * GiB, { contextMax: 4096, sequencesMax: 64, kvShare });
  expect(at(0).sequencesHeld).toBe(1);
  const [half, whole] = [at(0.5), at(1)];
  expect(half.kvBytes).toBeGreaterThan(0.45 * whole.kvBytes);
  expect(half.kvBytes).toBeLessThan(0.55 * whole.kvBytes);
});

test('the pool never exceeds the need of all sequences at full length', () => {
  const found = budget('meta-llama/Llama-3.1-8B-Instruct', 64 * GiB, { contextMax: 1000, sequencesMax: 3 });
  expect(found.poolBlocks).toBe(3 * 63);
});

test('the needed memory is enough, and 2 MiB less is refused', () => {
  fc.assert(
    fc.property(anyName, anyOptions, (name, options) => {
      const spec = specOf(name);
      const request = { spec, options, freeBytes: 64 * GiB };
      if (budgetOrNull(name, 64 * GiB, options) === null) return;
      const needed = memoryNeeded({ ...request, options: { ...options } });
      expect(admitEngineMemory({ ...request, freeBytes: needed }).budget.shortBytes).toBe(0);
      expect(() => admitEngineMemory({ ...request, freeBytes: needed - 2 * MiB })).toThrowError(
        PlimsollError,
      );
    }),
    { numRuns: 40 },
  );
});
