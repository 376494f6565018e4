/**
 * Checks a computation on the tape: its gradients in double precision against central differences, its gradients in f32
 * under the Wasm kernels against those in double precision, and equal bits on one and two threads and in a second run.
 */
import { assert } from '@plimsoll/foundation';
import { seededRandom } from '@plimsoll/foundation/random';
import { expect } from 'vitest';
import { planArena } from './tape/arena-plan.ts';
import { ParameterSet } from './tape/parameter-set.ts';
import { Tape } from './tape/tape.ts';
import type { Tensor } from './tape/tensor.ts';
import { createDoubleArena, createTrainingArena, type TrainingArena } from './tape/training-arena.ts';

/** A scalar: the sum of the output's elements times fixed factors. Its gradient is these factors. */
export function probe(tape: Tape, output: Tensor): { value: number } {
  const result = { value: 0 };
  const gradient = tape.gradient(output);
  tape.emit('probe', [output, gradient], ({ elements, at }) => {
    result.value = 0;
    for (let i = 0; i < output.rows * output.columns; i++) {
      const factor = Math.sin(1 + 3 * i);
      result.value += factor * (elements[at(output) + i] ?? 0);
      elements[at(gradient) + i] = (elements[at(gradient) + i] ?? 0) + factor;
    }
  });
  return result;
}

export interface GradientCheck {
  /** Adds weights. The result records the computation and returns its loss. */
  define(parameters: ParameterSet): (tape: Tape) => { readonly value: number };
  /** Weights are random in [-size, size). */
  readonly size?: number;
  /** Largest difference of gradients in f32, relative to the largest gradient of their weight. */
  readonly tolerance?: number;
}

function fill(parameters: ParameterSet, arena: TrainingArena, size: number): void {
  const random = seededRandom(5);
  for (const { name } of parameters.parameters) {
    const weight = arena.parameter(name);
    // Rounded to f32, so that both precisions compute with the same weights.
    for (let i = 0; i < weight.length; i++) weight[i] = Math.fround(size * (2 * random() - 1));
  }
}

export async function checkGradients(check: GradientCheck): Promise<void> {
  const { size = 1, tolerance = 2e-5 } = check;
  const parameters = new ParameterSet();
  const computation = check.define(parameters);
  const tape = new Tape({ trains: true, parameterGradients: parameters.gradients });
  const loss = computation(tape);
  const recording = tape.finish();
  const plan = planArena(parameters, [recording]);
  const double = createDoubleArena(plan, parameters);
  fill(parameters, double, size);
  double.run(recording);
  const trained = parameters.parameters.filter(({ isTrained }) => isTrained);
  const exact = new Map(trained.map(({ name }) => [name, Float64Array.from(double.parameterGradient(name))]));
  const lossOf = (): number => {
    double.run(recording);
    return loss.value;
  };
  for (const [name, gradient] of exact) checkDifferences({ name, gradient }, double, lossOf);
  let firstBits: Uint8Array | undefined;
  for (const threads of [1, 2]) {
    const arena = await createTrainingArena(plan, parameters, threads);
    fill(parameters, arena, size);
    for (let run = 0; run < 2; run++) {
      arena.flat('gradients').fill(0);
      arena.run(recording);
      const bytes = bytesOf(arena);
      firstBits ??= bytes;
      expect(Buffer.compare(bytes, firstBits), `bits of run ${run} on ${threads} threads`).toBe(0);
    }
    for (const { name } of trained) {
      const reference = exact.get(name);
      assert(reference !== undefined, 'every weight has a reference');
      const largest = reference.reduce((left, right) => Math.max(left, Math.abs(right)), 0);
      expect(largest, `${name} has a gradient`).toBeGreaterThan(0);
      const gradient = arena.parameterGradient(name);
      const difference = reference.reduce(
        (left, value, i) => Math.max(left, Math.abs(value - (gradient[i] ?? 0))),
        0,
      );
      expect(difference / largest, `${name} in f32`).toBeLessThan(tolerance);
    }
    await arena.close();
  }
}

function bytesOf(arena: TrainingArena): Uint8Array {
  const gradients = arena.flat('gradients');
  return new Uint8Array(gradients.buffer, gradients.byteOffset, gradients.byteLength).slice();
}

/** Compares up to 25 elements of a gradient with central differences of the loss. */
function checkDifferences(
  { name, gradient }: { name: string; gradient: Float64Array },
  arena: TrainingArena,
  lossOf: () => number,
): void {
  const weight = arena.parameter(name);
  const step = 1e-5;
  const stride = Math.max(1, Math.floor(weight.length / 25));
  const largest = gradient.reduce((left, right) => Math.max(left, Math.abs(right)), 1e-3);
  for (let i = 0; i < weight.length; i += stride) {
    const value = weight[i] ?? 0;
    weight[i] = value + step;
    const above = lossOf();
    weight[i] = value - step;
    const below = lossOf();
    weight[i] = value;
    const difference = Math.abs((above - below) / (2 * step) - (gradient[i] ?? 0));
    expect(difference / largest, `${name}[${i}] against central differences`).toBeLessThan(1e-6);
  }
}
