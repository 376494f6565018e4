/** Losses, metrics, gradients and optimizer steps as PyTorch computes them (fixtures/training/dflash.json). */
import { ParameterSet, planArena } from '@plimsoll/training';
import { describe, expect, test } from 'vitest';
import { expectClose, precisions } from '../torch-reference.test-data.ts';
import { fillBlocks } from './block-collate.ts';
import { layOutBlocks, weightOf } from './block-layout.ts';
import {
  anchors,
  blockMetrics,
  compareStep,
  exampleSamples,
  fillWeights,
  fixture,
  shape,
  sizes,
} from './dflash.test-data.ts';
import { blockCounts } from './dflash-loss.ts';
import { defineDFlash } from './dflash-model.ts';
import { recordDFlashLoss } from './dflash-recording.ts';

describe.each(precisions)('in $precision', ({ tolerance, open }) => {
  test.each(fixture.dflash)('$name', async (expected) => {
    const { blockSize, layerWindows, gamma, loss } = expected;
    const config = { ...sizes, blockSize, layerWindows };
    const training = { anchorsMax: 4, anchorSeed: 1, gamma, loss };
    const parameters = new ParameterSet();
    const weights = defineDFlash(parameters, config);
    const recorded = recordDFlashLoss(parameters, weights, { config, training }, { ...shape, trains: true });
    const arena = await open(planArena(parameters, [recorded.recording]), parameters, 2);
    fillWeights(parameters, arena);
    const trained = parameters.parameters.filter(({ isTrained }) => isTrained);
    expect(trained.map(({ name }) => name).toSorted()).toEqual(Object.keys(expected.weights).toSorted());
    const samples = exampleSamples();
    const layout = layOutBlocks(samples, anchors, { blockSize, shiftLabel: false, gamma });
    const scale = 1 / (loss.kind === 'dflash' ? weightOf(layout) : samples.refs.length);
    for (const [index, step] of expected.steps.entries()) {
      arena.flat('gradients').fill(0);
      fillBlocks(arena, recorded, { samples, layout, config, shape, scale });
      arena.run(recorded.recording);
      const metrics = blockMetrics(blockCounts(recorded.batch, { blockSize, firstOffset: 1 }));
      compareStep(arena, step, { loss: recorded.sums.loss, metrics }, { number: index + 1, tolerance });
    }
    // AdamW divides by the root of a small square: elements with a tiny gradient amplify its rounding.
    for (const [name, values] of Object.entries(expected.weights))
      expectClose(arena.parameter(name), values, {
        name,
        limit: 20 * tolerance,
        sampleEvery: fixture.sampleEvery,
      });
    await arena.close();
  });
});
