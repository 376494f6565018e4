/** The formulas of tools/reference/make-dflash-fixtures.py: weights, features and tokens by their index. */
import { readFileSync } from 'node:fs';
import type { ParameterSet, TrainingArena } from '@plimsoll/training';
import type { RunCounts } from '@plimsoll/training/trainer';
import { expect } from 'vitest';
import type { Features } from '../feature-values.ts';
import {
  compareGradients,
  feature,
  fillWaves,
  type ReferenceGradients,
  wave,
} from '../torch-reference.test-data.ts';
import type { DFlashConfig, DFlashLoss } from './dflash-spec.ts';

export const sizes = {
  ...{ hiddenSize: 16, capturedLayers: 3, heads: 4, kvHeads: 2, headDim: 8, intermediateSize: 24 },
  ...{ vocabulary: 37, epsilon: 1e-5, ropeBase: 10_000, maskTokenId: 36 },
} as const;

const tokens = 13;
const lengths = [13, 9];
export const anchors = [
  [0, 3, 9],
  [2, 6],
];
/** A longer bucket than the batch and more blocks, so that padding is part of the comparison. */
export const shape = { sequences: 2, length: 15, blocks: 4 };

interface FixtureStep extends ReferenceGradients {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
}

export interface FixtureCase extends Pick<DFlashConfig, 'blockSize' | 'layerWindows'> {
  readonly name: string;
  readonly gamma: number;
  readonly steps: readonly FixtureStep[];
  readonly weights: Readonly<Record<string, readonly number[]>>;
}

interface Fixture {
  readonly sampleEvery: number;
  readonly dflash: readonly (FixtureCase & { readonly loss: DFlashLoss })[];
  readonly domino: readonly (FixtureCase & {
    readonly head: { readonly shiftLabel: boolean; readonly purePrefix: number };
    readonly baseShare: number;
  })[];
}

export const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../../../../../fixtures/training/dflash.json', import.meta.url), 'utf8'),
);

/** The numbers of the waves follow the order in which the model defines its weights. */
export function fillWeights(parameters: ParameterSet, arena: TrainingArena): void {
  fillWaves(parameters, arena, (_, place) => place + 1);
}

/** The samples of the reference, padded to the longer one. */
export function exampleSamples(): Features {
  const perToken = (value: (sample: number, token: number) => number): number[] =>
    lengths.flatMap((length, sample) =>
      Array.from({ length: tokens }, (_, token) => (token < length ? value(sample, token) : 0)),
    );
  const width = sizes.capturedLayers * sizes.hiddenSize;
  const states = new Float32Array(lengths.length * tokens * width);
  for (const [sample, length] of lengths.entries()) {
    const own = wave(tokens, width, { number: 61 + sample, size: 1 });
    states.set(own.subarray(0, length * width), sample * tokens * width);
  }
  const ids = perToken((sample, token) => (7 * token + 11 * sample + 3) % (sizes.vocabulary - 1));
  const mask = perToken((sample, token) => Number((token + sample) % 5 !== 2));
  return {
    refs: lengths.map((tokenCount, sample) => ({ taskId: `e0-l${sample}`, tokenCount })),
    tensors: {
      input_ids: feature('I32', [lengths.length, tokens, 1], Int32Array.from(ids)),
      loss_mask: feature('U8', [lengths.length, tokens, 1], Uint8Array.from(mask)),
      layer_states: feature('F32', [lengths.length, tokens, width], states),
    },
  };
}

/** Accuracy of all tokens, and tokens per pass with the token that the target adds, as the reference reports them. */
export function blockMetrics({ guesses, passes }: Required<Pick<RunCounts, 'guesses' | 'passes'>>) {
  const sum = (key: 'correct' | 'supervised') => guesses.reduce((total, guess) => total + guess[key], 0);
  return {
    accuracy: sum('correct') / sum('supervised'),
    acceptLength: 1 + passes.accepted / passes.count,
  };
}

/** Compares the metrics of a run, its gradients and norm with a step of the reference, then takes the step of AdamW. */
export function compareStep(
  arena: TrainingArena,
  step: FixtureStep,
  found: { readonly loss: number; readonly metrics: object },
  { number, tolerance }: { readonly number: number; readonly tolerance: number },
): void {
  expect(Math.abs(found.loss / step.loss - 1), 'loss').toBeLessThan(tolerance);
  const metrics: Readonly<Record<string, number>> = Object.fromEntries(Object.entries(found.metrics));
  for (const [name, value] of Object.entries(step.metrics))
    expect(Math.abs((metrics[name] ?? Number.NaN) - value), name).toBeLessThan(tolerance);
  compareGradients(arena, step, { number, tolerance, sampleEvery: fixture.sampleEvery });
}
