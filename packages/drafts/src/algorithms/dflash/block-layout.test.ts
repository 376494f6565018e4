import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Features } from '../feature-values.ts';
import { drawAnchors, layOutBlocks, weightOf } from './block-layout.ts';

/** One sample whose token ids are 100 and up. */
function sampleOf(mask: readonly number[], taskId: string): Features {
  const shape = [1, mask.length, 1];
  const ids = Int32Array.from(mask, (_, position) => 100 + position);
  return {
    refs: [{ taskId, tokenCount: mask.length }],
    tensors: {
      input_ids: { dtype: 'I32', shape, data: new Uint8Array(ids.buffer) },
      loss_mask: { dtype: 'U8', shape, data: Uint8Array.from(mask) },
    },
  };
}

const usual = { anchorSeed: 1, anchorsMax: 4, step: 0 };

test('anchors are distinct, ascending, and begin two supervised tokens', () => {
  const masks = fc.array(fc.constantFrom(0, 1, 1), { minLength: 2, maxLength: 40 });
  const settings = fc.record({
    ...{ anchorSeed: fc.integer(), anchorsMax: fc.integer({ min: 1, max: 12 }), step: fc.nat() },
  });
  fc.assert(
    fc.property(masks, settings, fc.stringMatching(/^e[0-9]-l[0-9]{1,4}$/), (mask, options, taskId) => {
      const free = mask.flatMap((value, i) => (value === 1 && mask[i + 1] === 1 ? [i] : []));
      fc.pre(free.length > 0);
      const [anchors = []] = drawAnchors(sampleOf(mask, taskId), options);
      expect(anchors).toHaveLength(Math.min(options.anchorsMax, free.length));
      expect([...new Set(anchors)].toSorted((left, right) => left - right)).toEqual(anchors);
      expect(anchors.filter((anchor) => !free.includes(anchor))).toEqual([]);
      expect(drawAnchors(sampleOf(mask, taskId), options)).toEqual([anchors]);
    }),
  );
});

test('every candidate gets its share of the anchors, and tasks, seeds and steps draw differently', () => {
  const mask = new Array<number>(21).fill(1);
  const counts = new Array<number>(20).fill(0);
  const draws = new Set<string>();
  for (let line = 0; line < 500; line++) {
    const [anchors = []] = drawAnchors(sampleOf(mask, `e0-l${line}`), { ...usual, anchorSeed: 3 });
    for (const anchor of anchors) counts[anchor] = (counts[anchor] ?? 0) + 1;
    draws.add(anchors.join());
  }
  // 100 of each are expected; 60 is more than four standard deviations below.
  expect(Math.min(...counts)).toBeGreaterThan(60);
  expect(draws.size).toBeGreaterThan(400);
  const sample = sampleOf(mask, 'e0-l0');
  const bySeed = [1, 2, 3].map((anchorSeed) => drawAnchors(sample, { ...usual, anchorSeed }).join());
  const byStep = [1, 2, 3].map((step) => drawAnchors(sample, { ...usual, step }).join());
  expect([new Set(bySeed).size, new Set(byStep).size]).toEqual([3, 3]);
});

test('labels and weights in place: the anchor itself and unsupervised tokens weigh nothing', () => {
  const sample = sampleOf([1, 1, 1, 0, 1, 1], 'e0-l0');
  const layout = layOutBlocks(sample, [[0, 4]], { blockSize: 4, shiftLabel: false, gamma: 2 });
  expect([...(layout.labels[0] ?? [])]).toEqual([100, 101, 102, 103, 104, 105, 105, 105]);
  const decay = Math.exp(-0.5);
  expect([...(layout.weights[0] ?? [])]).toEqual([0, 1, decay, 0, 0, 1, 0, 0]);
  expect(weightOf(layout)).toBeCloseTo(2 + decay, 12);
});

test('shifted labels: token k of a block predicts token k + 1 after the anchor', () => {
  const sample = sampleOf([1, 1, 1, 0, 1, 1], 'e0-l0');
  const layout = layOutBlocks(sample, [[0, 4]], { blockSize: 3, shiftLabel: true, gamma: 0 });
  expect([...(layout.labels[0] ?? [])]).toEqual([101, 102, 103, 105, 105, 105]);
  expect([...(layout.weights[0] ?? [])]).toEqual([1, 1, 0, 1, 0, 0]);
});

test('a sample in which no block can begin, and a sample without a feature, are refused', () => {
  const draw = (sample: Features) => () => drawAnchors(sample, usual);
  const codeOf = (code: string) => expect.objectContaining({ code });
  expect(draw(sampleOf([1, 0, 1, 0], 'e0-l7'))).toThrowError(codeOf('no-anchor'));
  const { loss_mask: removed, ...tensors } = sampleOf([1, 1], 'e0-l0').tensors;
  expect(removed).toBeDefined();
  expect(draw({ refs: [{ taskId: 'e0-l0', tokenCount: 2 }], tensors })).toThrowError(
    codeOf('missing-feature'),
  );
});
