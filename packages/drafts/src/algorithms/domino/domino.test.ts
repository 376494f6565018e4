/** Losses, metrics, gradients and optimizer steps as PyTorch computes them (fixtures/training/dflash.json). */
import { ParameterSet, planArena } from '@plimsoll/training';
import { describe, expect, test } from 'vitest';
import { firstLabelled, layOutBlocks, weightOf } from '../dflash/block-layout.ts';
import {
  anchors,
  blockMetrics,
  compareStep,
  exampleSamples,
  fillWeights,
  fixture,
  shape,
  sizes,
} from '../dflash/dflash.test-data.ts';
import { blockCounts } from '../dflash/dflash-loss.ts';
import { expectClose, precisions } from '../torch-reference.test-data.ts';
import { defineDomino } from './domino-model.ts';
import { fillDomino, recordDominoLoss } from './domino-recording.ts';

describe.each(precisions)('in $precision', ({ tolerance, open }) => {
  test.each(fixture.domino)('$name', async (expected) => {
    const { blockSize, layerWindows, gamma, head, baseShare } = expected;
    const config = { ...sizes, blockSize, layerWindows, ...head, gruSize: 10, correctionRank: 6 };
    const parameters = new ParameterSet();
    const weights = defineDomino(parameters, config);
    const recorded = recordDominoLoss(parameters, weights, config, { ...shape, trains: true });
    const arena = await open(planArena(parameters, [recorded.recording]), parameters, 2);
    fillWeights(parameters, arena);
    const trained = parameters.parameters.filter(({ isTrained }) => isTrained);
    expect(trained.map(({ name }) => name).toSorted()).toEqual(Object.keys(expected.weights).toSorted());
    const samples = exampleSamples();
    const rules = { blockSize, shiftLabel: head.shiftLabel, gamma };
    const layout = layOutBlocks(samples, anchors, rules);
    const { hits, baseHits, weights: lossWeights } = recorded.batch;
    const metricsOf = (own: Uint8Array) =>
      blockMetrics(
        blockCounts({ hits: own, weights: lossWeights }, { blockSize, firstOffset: firstLabelled(rules) }),
      );
    const scale = 1 / weightOf(layout);
    for (const [index, step] of expected.steps.entries()) {
      arena.flat('gradients').fill(0);
      fillDomino(arena, recorded, { samples, layout, config, shape, scale, baseShare });
      arena.run(recorded.recording);
      const [final, base] = [metricsOf(hits), metricsOf(baseHits)];
      const [finalLoss, baseLoss] = [recorded.sums.final.loss, recorded.sums.base.loss];
      const metrics = { ...final, baseAccuracy: base.accuracy, baseAcceptLength: base.acceptLength };
      const loss = (1 - baseShare) * finalLoss + baseShare * baseLoss;
      const found = { loss, metrics: { ...metrics, finalLoss, baseLoss } };
      compareStep(arena, step, found, { number: index + 1, tolerance });
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
