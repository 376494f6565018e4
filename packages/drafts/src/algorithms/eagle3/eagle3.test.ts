/** Losses, metrics, gradients and optimizer steps as PyTorch computes them (fixtures/training/eagle3.json). */
import { readFileSync } from 'node:fs';
import type { TeacherLoss, TrainingArena } from '@plimsoll/training';
import { describe, expect, test } from 'vitest';
import {
  compareGradients,
  expectClose,
  precisions,
  type ReferenceGradients,
} from '../torch-reference.test-data.ts';
import { type Example, exampleBatch, fillWeights, positions, recordExample } from './eagle3.test-data.ts';
import { fillEagle3 } from './eagle3-collate.ts';
import { eagle3Metrics } from './eagle3-recording.ts';

interface Fixture {
  readonly sampleEvery: number;
  readonly cases: readonly FixtureCase[];
}

interface FixtureCase {
  readonly name: string;
  readonly normOutput: boolean;
  readonly normLayers: boolean;
  readonly loss: TeacherLoss;
  readonly tttLength: number;
  readonly steps: readonly (ReferenceGradients & {
    readonly loss: number;
    readonly steps: readonly {
      readonly loss: number;
      readonly accuracy: number;
      readonly acceptance: number;
    }[];
  })[];
  readonly weights: Readonly<Record<string, readonly number[]>>;
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../../../fixtures/training/eagle3.json', import.meta.url), 'utf8'),
);

/** A longer bucket than the batch, so that padding is part of the comparison. */
const shape = { sequences: 2, length: 12 };

function run(example: Example, arena: TrainingArena, expected: FixtureCase) {
  const { recorded } = example;
  recorded.batch.scale.value = 1 / positions;
  fillEagle3(arena, recorded, exampleBatch(), shape);
  arena.run(recorded.recording);
  const training = { tttLength: expected.tttLength, stepDecay: 0.8, loss: expected.loss };
  return eagle3Metrics(recorded.sums, 1 / positions, training);
}

const { sampleEvery } = fixture;

describe.each(precisions)('in $precision', ({ tolerance, open }) => {
  test.each(fixture.cases)('$name', async (expected) => {
    const { normOutput, normLayers, tttLength, loss } = expected;
    const training = { tttLength, stepDecay: 0.8, loss };
    const example = recordExample({ normOutput, normLayers }, training, { ...shape, trains: true });
    const arena = await open(example.plan, example.parameters, 2);
    fillWeights(example, arena);
    const trained = example.parameters.parameters.filter(({ isTrained }) => isTrained);
    expect(trained.map(({ name }) => name).toSorted()).toEqual(Object.keys(expected.weights).toSorted());
    for (const [index, step] of expected.steps.entries()) {
      arena.flat('gradients').fill(0);
      const metrics = run(example, arena, expected);
      expect(Math.abs(metrics.loss - step.loss)).toBeLessThan(tolerance);
      for (const [k, result] of step.steps.entries()) {
        expect(Math.abs((metrics.stepLosses[k] ?? 0) - result.loss)).toBeLessThan(tolerance);
        expect(metrics.accuracy[k]).toBeCloseTo(result.accuracy, 8);
        expect(Math.abs((metrics.acceptance[k] ?? 0) - result.acceptance)).toBeLessThan(tolerance);
      }
      compareGradients(arena, step, { number: index + 1, tolerance, sampleEvery });
    }
    // AdamW divides by the root of a small square: elements with a tiny gradient amplify its rounding.
    for (const [name, values] of Object.entries(expected.weights))
      expectClose(arena.parameter(name), values, { name, limit: 20 * tolerance, sampleEvery });
    await arena.close();
  });
});
