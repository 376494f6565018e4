/** The formulas of tools/reference/make-dflash-fixtures.py: weights, features and tokens by their index. */
import { readFileSync } from 'node:fs';
import { defined } from '@plimsoll/foundation';
import {
  createDoubleArena,
  createTrainingArena,
  type ParameterSet,
  type TrainingArena,
} from '@plimsoll/training';
import { adamWStep, clipFactor, globalNorm, usualAdamW } from '@plimsoll/training/optimizer';
import type { RunCounts } from '@plimsoll/training/trainer';
import { expect } from 'vitest';
import type { Feature, Features } from '../feature-values.ts';
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

interface FixtureStep {
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  readonly gradients?: Readonly<Record<string, readonly number[]>>;
  readonly largest?: Readonly<Record<string, number>>;
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

function wave(
  rows: number,
  columns: number,
  { number, size }: { number: number; size: number },
): Float32Array {
  return Float32Array.from(
    { length: rows * columns },
    (_, i) => size * Math.sin(1.7 * i + number) * Math.cos(0.31 * i * number + 0.5),
  );
}

/** Norms are 1 + a wave; the numbers of the waves follow the order in which the model defines its weights. */
export function fillWeights(parameters: ParameterSet, arena: TrainingArena): void {
  let number = 0;
  for (const { name, tensor, isTrained } of parameters.parameters) {
    const { rows, columns } = tensor;
    if (!isTrained) {
      const frozen = name.startsWith('target') ? { number: 32, size: 1.5 } : { number: 31, size: 0.8 };
      arena.parameter(name).set(wave(rows, columns, frozen));
      continue;
    }
    number++;
    const isNorm = rows === 1;
    const values = wave(rows, columns, { number, size: isNorm ? 0.2 : 0.5 });
    arena.parameter(name).set(isNorm ? values.map((value) => 1 + value) : values);
  }
}

function feature(dtype: Feature['dtype'], width: number, values: ArrayBufferView): Feature {
  const { buffer, byteOffset, byteLength } = values;
  const dimensions = [lengths.length, tokens, width];
  return { dtype, shape: dimensions, data: new Uint8Array(buffer, byteOffset, byteLength) };
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
      input_ids: feature('I32', 1, Int32Array.from(ids)),
      loss_mask: feature('U8', 1, Uint8Array.from(mask)),
      layer_states: feature('F32', width, states),
    },
  };
}

/** One sample of a batch as a batch of its own, with the same padding. */
export function sampleOf({ refs, tensors }: Features, sample: number): Features {
  const one = Object.entries(tensors).map(([name, { dtype, shape: dimensions, data }]) => {
    const bytes = data.length / (dimensions[0] ?? 1);
    const own = data.subarray(sample * bytes, (sample + 1) * bytes);
    return [name, { dtype, shape: [1, ...dimensions.slice(1)], data: own }] as const;
  });
  return { refs: refs.slice(sample, sample + 1), tensors: Object.fromEntries(one) };
}

export const precisions = [
  { precision: 'f32', tolerance: 1e-5, open: createTrainingArena },
  // The reference rounds its table of angles as the program does; the fixture has nine digits.
  {
    precision: 'double',
    tolerance: 2e-8,
    open: async (...[plan, parameters]: Parameters<typeof createDoubleArena>) =>
      createDoubleArena(plan, parameters),
  },
] as const;

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
  for (const [name, values] of Object.entries(step.gradients ?? {})) {
    const limit = tolerance * (step.largest?.[name] ?? 0);
    expectClose(arena.parameterGradient(name), values, { name, limit });
  }
  const norm = globalNorm(arena.flat('gradients'));
  expect(Math.abs(norm / step.gradientNorm - 1), 'gradient norm').toBeLessThan(tolerance);
  const at = { learningRate: 1e-2, step: number, gradientFactor: clipFactor(norm, 0.5) };
  const ranges = {
    ...{ parameters: arena.flat('parameters'), gradients: arena.flat('gradients') },
    ...{ firstMoments: arena.flat('firstMoments'), secondMoments: arena.flat('secondMoments') },
  };
  adamWStep(ranges, { ...usualAdamW, weightDecay: 0.1 }, at);
}

export function expectClose(
  actual: ArrayLike<number>,
  sampled: readonly number[],
  { name, limit }: { name: string; limit: number },
): void {
  for (const [index, value] of sampled.entries()) {
    const found = defined(actual[index * fixture.sampleEvery], `${name} has the element`);
    expect(Math.abs(found - value), `${name}[${index * fixture.sampleEvery}]`).toBeLessThan(limit);
  }
}
