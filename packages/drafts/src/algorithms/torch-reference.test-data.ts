/** What the fixtures of tools/reference/make-*-fixtures.py share: their formulas, precisions and comparisons. */
import { defined } from '@plimsoll/foundation';
import {
  createDoubleArena,
  createTrainingArena,
  type ParameterSet,
  type TrainingArena,
} from '@plimsoll/training';
import { adamWStep, clipFactor, globalNorm, usualAdamW } from '@plimsoll/training/optimizer';
import { expect } from 'vitest';
import type { Feature, Features } from './feature-values.ts';

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

export function wave(
  rows: number,
  columns: number,
  { number, size }: { number: number; size: number },
): Float32Array {
  return Float32Array.from(
    { length: rows * columns },
    (_, i) => size * Math.sin(1.7 * i + number) * Math.cos(0.31 * i * number + 0.5),
  );
}

/** Norms are 1 + a wave. `numberOf` gives the wave of a trained weight from its name and its place among them. */
export function fillWaves(
  parameters: ParameterSet,
  arena: TrainingArena,
  numberOf: (name: string, place: number) => number,
): void {
  let place = 0;
  for (const { name, tensor, isTrained } of parameters.parameters) {
    const { rows, columns } = tensor;
    if (!isTrained) {
      const frozen = name.startsWith('target') ? { number: 32, size: 1.5 } : { number: 31, size: 0.8 };
      arena.parameter(name).set(wave(rows, columns, frozen));
      continue;
    }
    const isNorm = rows === 1;
    const values = wave(rows, columns, { number: numberOf(name, place), size: isNorm ? 0.2 : 0.5 });
    arena.parameter(name).set(isNorm ? values.map((value) => 1 + value) : values);
    place++;
  }
}

export function feature(
  dtype: Feature['dtype'],
  shape: readonly number[],
  { buffer, byteOffset, byteLength }: ArrayBufferView,
): Feature {
  return { dtype, shape, data: new Uint8Array(buffer, byteOffset, byteLength) };
}

/** One sample of a batch as a batch of its own, with the same padding. */
export function sampleOf({ refs, tensors }: Features, sample: number): Features {
  const one = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    const bytes = data.length / (shape[0] ?? 1);
    const own = data.subarray(sample * bytes, (sample + 1) * bytes);
    return [name, { dtype, shape: [1, ...shape.slice(1)], data: own }] as const;
  });
  return { refs: refs.slice(sample, sample + 1), tensors: Object.fromEntries(one) };
}

/** The reference's gradients of a step. */
export interface ReferenceGradients {
  readonly gradientNorm: number;
  readonly gradients?: Readonly<Record<string, readonly number[]>>;
  readonly largest?: Readonly<Record<string, number>>;
}

/** Compares gradients and their norm with a step of the reference, then takes the step of AdamW. */
export function compareGradients(
  arena: TrainingArena,
  step: ReferenceGradients,
  at: { readonly number: number; readonly tolerance: number; readonly sampleEvery: number },
): void {
  const { number, tolerance, sampleEvery } = at;
  for (const [name, values] of Object.entries(step.gradients ?? {})) {
    const limit = tolerance * (step.largest?.[name] ?? 0);
    expectClose(arena.parameterGradient(name), values, { name, limit, sampleEvery });
  }
  const norm = globalNorm(arena.flat('gradients'));
  expect(Math.abs(norm / step.gradientNorm - 1), 'gradient norm').toBeLessThan(tolerance);
  const ranges = {
    ...{ parameters: arena.flat('parameters'), gradients: arena.flat('gradients') },
    ...{ firstMoments: arena.flat('firstMoments'), secondMoments: arena.flat('secondMoments') },
  };
  const rates = { learningRate: 1e-2, step: number, gradientFactor: clipFactor(norm, 0.5) };
  adamWStep(ranges, { ...usualAdamW, weightDecay: 0.1 }, rates);
}

export function expectClose(
  actual: ArrayLike<number>,
  sampled: readonly number[],
  { name, limit, sampleEvery }: { name: string; limit: number; sampleEvery: number },
): void {
  for (const [index, value] of sampled.entries()) {
    const place = index * sampleEvery;
    const found = defined(actual[place], `${name} has the element`);
    expect(Math.abs(found - value), `${name}[${place}]`).toBeLessThan(limit);
  }
}
