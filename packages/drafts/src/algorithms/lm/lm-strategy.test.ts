/** Batches of samples of different lengths: labels, padding, windows, evaluation. */
import { createDoubleArena, TrainerCore } from '@plimsoll/training';
import { usualAdamW } from '@plimsoll/training/optimizer';
import { evaluate, metricsOf } from '@plimsoll/training/trainer';
import { expect, test } from 'vitest';
import type { Feature, Features } from '../feature-values.ts';
import { fillTrainedWeights } from '../initial-weights.ts';
import { labelsOf } from './lm-collate.ts';
import { LmStrategy } from './lm-strategy.ts';

const config = {
  ...{ vocabulary: 23, hiddenSize: 16, layers: 1, heads: 2, kvHeads: 1, headDim: 8, intermediateSize: 24 },
  ...{ epsilon: 1e-5, ropeBase: 10_000 },
};
const samples = [9, 5, 7].map((length, sample) => ({
  ids: Array.from({ length }, (_, token) => (7 * token + 5 * sample) % 23),
  mask: Array.from({ length }, (_, token) => Number((token + sample) % 3 !== 0)),
}));

/** A batch as the loader makes it: padded with zeros to the longest sample. */
function batchOf(chosen: readonly number[]): Features {
  const picked = samples.filter((_, index) => chosen.includes(index));
  const tokens = Math.max(...picked.map(({ ids }) => ids.length));
  const [ids, mask] = [new Int32Array(picked.length * tokens), new Uint8Array(picked.length * tokens)];
  for (const [row, sample] of picked.entries()) {
    ids.set(sample.ids, row * tokens);
    mask.set(sample.mask, row * tokens);
  }
  const feature = (dtype: Feature['dtype'], data: Uint8Array): Feature => ({
    ...{ dtype, shape: [picked.length, tokens, 1], data },
  });
  return {
    refs: picked.map(({ ids: { length } }, sample) => ({ taskId: `p${sample}`, tokenCount: length })),
    tensors: { input_ids: feature('I32', new Uint8Array(ids.buffer)), loss_mask: feature('U8', mask) },
  };
}

function open(sequences: number) {
  const strategy = new LmStrategy({ config, sequences, lengths: [6, 12] });
  const arena = createDoubleArena(strategy.plan, strategy.parameters);
  fillTrainedWeights(strategy, arena, 3);
  return { strategy, arena };
}

async function* each(batches: readonly Features[]): AsyncGenerator<Features> {
  yield* batches;
}

test('a window of samples one by one equals their padded batch', () => {
  const run = (sequences: number, window: readonly Features[]) => {
    const { strategy, arena } = open(sequences);
    const schedule = { peak: 1e-2, kind: 'constant', totalSteps: 3, warmupRatio: 0 } as const;
    const core = new TrainerCore(arena, strategy, { adamW: usualAdamW, schedule, gradientNormMax: 1 });
    return [1, 2, 3].map(() => core.trainStep(window));
  };
  const large = run(3, [batchOf([0, 1, 2])]);
  const small = run(1, [batchOf([0]), batchOf([1]), batchOf([2])]);
  for (const [index, { loss, gradientNorm, counts }] of large.entries()) {
    expect(small[index]?.loss).toBeCloseTo(loss, 12);
    expect(small[index]?.gradientNorm).toBeCloseTo(gradientNorm, 12);
    expect(small[index]?.counts.guesses).toEqual(counts.guesses);
    expect(metricsOf(counts)?.loss).toBeCloseTo(loss, 12);
  }
  expect(large[2]?.loss).toBeLessThan(large[0]?.loss ?? 0);
});

test('an evaluation has the metrics of the training run, whatever its batches, and changes nothing', async () => {
  const { strategy, arena } = open(3);
  const before = Float64Array.from(arena.flat('gradients'));
  const whole = await evaluate(arena, strategy, each([batchOf([0, 1, 2])]));
  const parts = await evaluate(arena, strategy, each([batchOf([0, 2]), batchOf([1])]));
  expect(parts?.loss).toBeCloseTo(whole?.loss ?? 0, 12);
  expect(parts?.accuracy).toEqual(whole?.accuracy);
  expect(arena.flat('gradients')).toEqual(before);
  arena.run(strategy.prepare(arena, batchOf([0, 1, 2]), 0.25));
  expect(metricsOf(strategy.countsOfRun())?.loss).toBeCloseTo(whole?.loss ?? 0, 12);
  expect(await evaluate(arena, strategy, each([]))).toBeNull();
});

test('a label is the next token where that is supervised', () => {
  expect(samples.map((_, index) => labelsOf(batchOf([index])))).toEqual([6, 3, 4]);
  expect(labelsOf(batchOf([0, 1, 2]))).toBe(13);
});
