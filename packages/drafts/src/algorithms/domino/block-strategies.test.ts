/** DFlash and Domino under the trainer: windows, threads, resume, refusals. */
import { createDoubleArena, createTrainingArena, TrainerCore, type TrainingArena } from '@plimsoll/training';
import { usualAdamW } from '@plimsoll/training/optimizer';
import { describe, expect, test } from 'vitest';
import { exampleSamples, fillWeights, sizes } from '../dflash/dflash.test-data.ts';
import type { DFlashLoss } from '../dflash/dflash-spec.ts';
import { dflashStrategy } from '../dflash/dflash-strategy.ts';
import type { Features } from '../feature-values.ts';
import type { TrainableStrategy } from '../strategy-spec.ts';
import { sampleOf } from '../torch-reference.test-data.ts';
import { baseShareAt } from './domino-spec.ts';
import { dominoStrategy } from './domino-strategy.ts';

const config = { ...sizes, blockSize: 4, layerWindows: [null, 5] };
const anchors = { anchorsMax: 3, anchorSeed: 7, gamma: 3 };
const buckets = (sequences: number) => ({ sequences, lengths: [16, 13] });

function dflash(sequences: number, loss: DFlashLoss): TrainableStrategy {
  return dflashStrategy({ config, training: { ...anchors, loss } }, buckets(sequences));
}

function domino(sequences: number, shiftLabel: boolean): TrainableStrategy {
  const head = { gruSize: 10, correctionRank: 6, shiftLabel, purePrefix: 1 };
  const training = { ...anchors, baseShareStart: 1, baseShareRatio: 0.5 };
  return dominoStrategy({ config: { ...config, ...head }, training }, buckets(sequences));
}

const strategies: readonly (readonly [string, (sequences: number) => TrainableStrategy])[] = [
  ['DFlash', (sequences) => dflash(sequences, { kind: 'dflash' })],
  ['D-PACE', (sequences) => dflash(sequences, { kind: 'dpace', alpha: 0.5 })],
  ['Domino', (sequences) => domino(sequences, true)],
  ['Domino in place', (sequences) => domino(sequences, false)],
];

const settings = {
  adamW: usualAdamW,
  schedule: { peak: 1e-2, kind: 'cosine', totalSteps: 8, warmupRatio: 0.25 },
  gradientNormMax: 0.5,
} as const;

const samples = exampleSamples();
const window = [sampleOf(samples, 0), sampleOf(samples, 1)];

function bytesOf(arena: TrainingArena): Uint8Array {
  const { buffer, byteOffset, byteLength } = arena.flat('parameters');
  return new Uint8Array(buffer, byteOffset, byteLength).slice();
}

describe.each(strategies)('%s', (_name, create) => {
  test('a window of two microbatches equals one batch of both', () => {
    const run = (sequences: number, batches: readonly Features[]) => {
      const strategy = create(sequences);
      const arena = createDoubleArena(strategy.plan, strategy.parameters);
      fillWeights(strategy.parameters, arena);
      const core = new TrainerCore(arena, strategy, settings);
      return [1, 2, 3].map(() => core.trainStep(batches));
    };
    const [large, accumulated] = [run(2, [samples]), run(1, window)];
    for (const [index, outcome] of large.entries()) {
      expect(accumulated[index]?.loss).toBeCloseTo(outcome.loss, 10);
      expect(accumulated[index]?.gradientNorm).toBeCloseTo(outcome.gradientNorm, 9);
    }
  });

  test('one and two threads and a resumed run have the same bits, and the loss falls', async () => {
    const open = async (threads: number) => {
      const strategy = create(1);
      const arena = await createTrainingArena(strategy.plan, strategy.parameters, threads);
      fillWeights(strategy.parameters, arena);
      return { strategy, arena };
    };
    const whole = await open(1);
    const core = new TrainerCore(whole.arena, whole.strategy, settings);
    const losses = Array.from({ length: 5 }, () => core.trainStep(window).loss);
    expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);

    const [first, second] = [await open(2), await open(2)];
    const started = new TrainerCore(first.arena, first.strategy, settings);
    const begun = [0, 1].map(() => started.trainStep(window).loss);
    for (const range of ['parameters', 'firstMoments', 'secondMoments'] as const)
      second.arena.flat(range).set(first.arena.flat(range));
    const resumed = new TrainerCore(second.arena, second.strategy, settings, started.step);
    const rest = [2, 3, 4].map(() => resumed.trainStep(window).loss);
    expect([...begun, ...rest]).toEqual(losses);
    expect(Buffer.compare(bytesOf(second.arena), bytesOf(whole.arena))).toBe(0);
    for (const { arena } of [whole, first, second]) await arena.close();
  });
});

test('512 blocks of 16 tokens behind 2,048 tokens need no scores of all tokens with all keys', () => {
  const small = { hiddenSize: 576, capturedLayers: 1, heads: 9, kvHeads: 3, headDim: 64, vocabulary: 49_152 };
  const shape = { ...config, ...small, intermediateSize: 1536, blockSize: 16, layerWindows: [null] };
  const training = { anchorsMax: 512, anchorSeed: 1, gamma: 7, loss: { kind: 'dflash' } } as const;
  const { plan } = dflashStrategy({ config: shape, training }, { sequences: 1, lengths: [2048] });
  // The scores of one head alone, and their gradients, would be 2 x 8,192 x 10,240 numbers: 640 MiB.
  const scores = [...plan.placements.values()].flatMap((placed) =>
    [...placed.keys()].filter(({ name }) => name.endsWith('scores')).map(({ elements }) => elements),
  );
  expect(Math.max(...scores)).toBe(128 * 10_240);
  expect(4 * plan.elementCount).toBeLessThan(2 ** 30);
});

test('the share of the base logits falls in a straight line to zero', () => {
  const training = { ...anchors, baseShareStart: 0.8, baseShareRatio: 0.4 };
  const shareAfter = (completedSteps: number, changes = {}) =>
    baseShareAt({ ...training, ...changes }, { completedSteps, totalSteps: 10 });
  const shares = [0, 1, 2, 4, 9].map((step) => shareAfter(step));
  for (const [index, share] of [0.8, 0.6, 0.4, 0, 0].entries()) expect(shares[index]).toBeCloseTo(share, 12);
  expect(shareAfter(1, { baseShareRatio: 0 })).toBe(0);
});

test('a batch that no bucket holds, too many samples, and a head that corrects nothing are refused', () => {
  const strategy = domino(1, true);
  const arena = createDoubleArena(strategy.plan, strategy.parameters);
  const codeOf = (code: string) => expect.objectContaining({ code });
  expect(() => strategy.prepare(arena, samples, 1)).toThrowError(codeOf('batch-too-large'));
  const ids = { dtype: 'I32', shape: [1, 17, 1], data: new Uint8Array(68) } as const;
  const long = { ...window[0], refs: [], tensors: { ...samples.tensors, input_ids: ids } };
  expect(() => strategy.prepare(arena, long, 1)).toThrowError(codeOf('batch-too-long'));
  const head = { gruSize: 10, correctionRank: 6, shiftLabel: false, purePrefix: 3 };
  const training = { ...anchors, baseShareStart: 1, baseShareRatio: 0.5 };
  const create = () => dominoStrategy({ config: { ...config, ...head }, training }, buckets(1));
  expect(create).toThrowError(codeOf('bad-draft-config'));
});
