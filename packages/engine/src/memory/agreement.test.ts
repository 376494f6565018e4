/**
 * The planner may not import kernels or serving, so it has its own formulas for their sizes. These tests compare both
 * sides: a formula that changes on only one side fails here.
 */
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { activationBytes, controlBytes, repackedBytes } from '@plimsoll/kernels';
import { attentionScratchBytes, kvBlockBytes } from '@plimsoll/kernels/kv-layout';
import {
  planEngineMemory,
  quantisedActivationBytes,
  type StorageFormat,
  sliceBytes,
  storageFormats,
} from '@plimsoll/planner/engine-memory';
import { peakBlocks } from '@plimsoll/serving';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tinySpec } from './test-specs.ts';

const anyFormat = fc.constantFrom(...storageFormats);
const anyRows = fc.integer({ min: 1, max: 5000 });
const anyBlocks = fc.integer({ min: 1, max: 40 });

function columnsOf(format: StorageFormat, blocks: number): number {
  return (format.endsWith('_K') ? 256 : 32) * blocks;
}

test('weights: the planned bytes equal the repacked bytes of the kernels', () => {
  fc.assert(
    fc.property(anyFormat, anyRows, anyBlocks, (format, rows, blocks) => {
      const columns = columnsOf(format, blocks);
      const planned = sliceBytes(format, 'panels', { slices: 1, rows, columns });
      expect(planned).toBe(repackedBytes(format, rows, columns));
    }),
  );
});

test('activations: the planned bytes equal the quantised bytes of the kernels', () => {
  fc.assert(
    fc.property(anyFormat, anyRows, anyBlocks, (format, tokens, blocks) => {
      const columns = columnsOf(format, blocks);
      expect(quantisedActivationBytes(format, tokens, columns)).toBe(
        activationBytes(format, tokens, columns),
      );
    }),
  );
});

test('caches, scratch and control: the plan has exactly the bytes that the kernels address', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const spec = tinySpec(random);
      const blockTokens = 8 * randomInteger(random, 1, 5);
      const threads = randomInteger(random, 1, 5);
      const kvFormat = random() < 0.5 ? 'fp16' : 'q8_0';
      const options = { contextMax: 300, blockTokens, threads, kvFormat } as const;
      const plan = planEngineMemory({ spec, freeBytes: 2 ** 32, options });
      const scratch = spec.layers.map(({ attention }) => {
        if (!('kvHeads' in attention)) return 0;
        const { queryHeads: heads, kvHeads, keyHeadDim: headDim } = attention;
        return attentionScratchBytes({ heads, kvHeads, headDim, blockTokens }, threads);
      });
      const bytesOf = (name: string): number | undefined =>
        plan.regions.find((region) => region.name === name)?.bytes;
      expect(bytesOf('attention scratch 0')).toBe(Math.max(...scratch));
      expect(bytesOf('kernel control 0')).toBe(controlBytes);
      for (const cache of plan.caches) {
        const attention = spec.layers[cache.layer]?.attention;
        if (attention === undefined || !('kvHeads' in attention)) continue;
        const format = kvFormat === 'fp16' ? 'f16' : 'q8_0';
        const shape = {
          kvFormat: format,
          kvHeads: attention.kvHeads,
          headDim: attention.keyHeadDim,
        } as const;
        expect(cache.blockBytes).toBe(2 * kvBlockBytes({ ...shape, blockTokens }));
        expect(cache.bytes).toBe(cache.blocks * cache.blockBytes);
      }
    }),
    { numRuns: 60 },
  );
});

test('blocks: no sequence can hold more blocks than the plan reserves', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const sequencesMax = randomInteger(random, 1, 4);
      const options = {
        sequencesMax,
        contextMax: randomInteger(random, 1, 3000),
        blockTokens: 8 * randomInteger(random, 1, 9),
        prefillChunkTokens: randomInteger(random, 1, 600),
      };
      const plan = planEngineMemory({ spec: tinySpec(random), freeBytes: 2 ** 33, options });
      const { contextMax: tokenCount, blockTokens: blockSize, prefillChunkTokens: chunkMax } = plan.settings;
      for (const { window, blocks } of plan.blockGroups) {
        const peak = peakBlocks({ tokenCount, chunkMax, window, blockSize });
        expect(blocks).toBeGreaterThanOrEqual(sequencesMax * peak);
        // The plan is not wasteful: it has at most two extra blocks per sequence.
        expect(blocks).toBeLessThanOrEqual(sequencesMax * (peak + 2));
      }
    }),
    { numRuns: 80 },
  );
});
