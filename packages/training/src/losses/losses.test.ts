import { describe, expect, test } from 'vitest';
import { checkGradients } from '../gradient-check.test-data.ts';
import type { Tape } from '../tape/tape.ts';
import type { Tensor } from '../tape/tensor.ts';
import { headChunkRows, labelHeadLoss } from './label-head-loss.ts';
import { acceptanceOf, applyTeacherLoss, binaryLoss, type TeacherLoss } from './row-losses.ts';
import { teacherHeadLoss } from './teacher-head-loss.ts';

/** A scalar that is computed from the sums of a loss after the steps have run. */
function lossFrom(read: () => number): { readonly value: number } {
  return {
    get value() {
      return read();
    },
  };
}

test('weighted cross entropy over more than one chunk of rows', () =>
  checkGradients({
    define(parameters) {
      const rows = headChunkRows + 22;
      const [hidden, head] = [parameters.trained('hidden', rows, 9), parameters.trained('head', 13, 9)];
      const labels = Uint32Array.from({ length: rows }, (_, row) => (row * 5) % 13);
      const weights = Float64Array.from({ length: rows }, (_, row) => (row % 3 === 0 ? 0 : 0.1 + (row % 7)));
      return (tape) => {
        const sums = labelHeadLoss(tape, 'loss', { hidden, head, labels, weights });
        return lossFrom(() => sums.loss);
      };
    },
  }));

const vocabulary = {
  draftToTarget: Int32Array.of(1, 2, 4, 7, 8, 9, 11),
  isDrafted: Uint8Array.of(0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1),
};

/** Two sequences of more than one chunk, two draft steps of different states. */
function recordTeacherLoss(
  tape: Tape,
  loss: TeacherLoss,
  [first, second, head, teacherHidden, teacherHead]: readonly Tensor[],
): { readonly value: number } {
  if (!first || !second || !head || !teacherHidden || !teacherHead) throw new Error('five tensors');
  const positions = teacherHidden.rows;
  const mask = Uint8Array.from({ length: positions }, (_, i) => Number(i % 5 !== 0));
  const stepWeights = [1, 0.8];
  const sums = teacherHeadLoss(tape, 'loss', {
    ...{
      steps: [first, second],
      head,
      teacherHidden,
      teacherHead,
      vocabulary,
      sequences: 2,
      mask,
      loss,
      stepWeights,
    },
    scale: { value: 0.25 },
  });
  return lossFrom(() =>
    sums.reduce((total, sum, step) => total + 0.25 * (stepWeights[step] ?? 0) * sum.loss, 0),
  );
}

test.each([{ kind: 'kl' }, { kind: 'lk-alpha' }, { kind: 'l1' }] as const)(
  'the $kind loss against a target, over chunks and steps',
  (loss) =>
    checkGradients({
      define(parameters) {
        const rows = 2 * (headChunkRows + 5);
        const steps = [parameters.trained('first', rows, 6), parameters.trained('second', rows, 6)];
        const head = parameters.trained('head', vocabulary.draftToTarget.length, 6);
        const teacher = [parameters.frozen('teacher', rows, 5), parameters.frozen('teacher head', 12, 5)];
        return (tape) => recordTeacherLoss(tape, loss, [...steps, head, ...teacher]);
      },
    }),
);

describe('losses of a row', () => {
  const teacher = { elements: Float64Array.of(0.1, 0.5, 0.15, 0.25), at: 0, coverage: 0.9 };
  const softmax = (logits: readonly number[]): Float64Array => {
    const powers = logits.map(Math.exp);
    const total = powers.reduce((left, right) => left + right, 0);
    return Float64Array.from(powers, (power) => power / total);
  };
  const sumsOf = (q: Float64Array) => ({
    crossEntropy: -teacher.elements.reduce((sum, p, i) => sum + p * Math.log(q[i] ?? 1), 0),
    acceptance: acceptanceOf({ elements: q, at: 0, count: 4, weight: 1 }, teacher),
  });
  const logits = [0.3, -0.2, 0.9, 0.1];

  test('the blend takes its share as a constant', () => {
    const loss = { kind: 'lk-lambda', scale: 0.7, decay: 2 } as const;
    const q = softmax(logits);
    const sums = sumsOf(q);
    const share = 0.7 * Math.exp(-2 * sums.acceptance);
    const valueAt = (moved: readonly number[]): number => {
      const { crossEntropy, acceptance } = sumsOf(softmax(moved));
      return share * crossEntropy + (1 - share) * (1 - acceptance);
    };
    const value = applyTeacherLoss(loss, { elements: q, at: 0, count: 4, weight: 3 }, teacher, sums);
    expect(value).toBeCloseTo(valueAt(logits), 12);
    for (const i of logits.keys()) {
      const moved = (by: number): number[] => logits.map((x, j) => (i === j ? x + by : x));
      const difference = (valueAt(moved(1e-6)) - valueAt(moved(-1e-6))) / 2e-6;
      expect(q[i]).toBeCloseTo(3 * difference, 7);
    }
  });

  test('a draft that the target never accepts has no gradient of its logarithm', () => {
    const q = Float64Array.of(0, 0, 1, 0);
    const other = { elements: Float64Array.of(1, 0, 0, 0), at: 0, coverage: 1 };
    const sums = { crossEntropy: 9, acceptance: 0 };
    const draft = { elements: q, at: 0, count: 4, weight: 1 };
    expect(applyTeacherLoss({ kind: 'lk-alpha' }, draft, other, sums)).toBe(0);
    expect([...q]).toEqual([0, 0, 0, 0]);
  });

  test.each([
    [0.3, 0.8],
    [-4, 0.1],
    [60, 0],
    [-800, 1],
  ])('binary cross entropy of logit %d with target %d', (logit, target) => {
    const { loss, gradient } = binaryLoss(logit, target);
    const difference = (binaryLoss(logit + 1e-5, target).loss - binaryLoss(logit - 1e-5, target).loss) / 2e-5;
    expect(gradient).toBeCloseTo(difference, 6);
    const p = 1 / (1 + Math.exp(-logit));
    if (Math.abs(logit) < 30)
      expect(loss).toBeCloseTo(-target * Math.log(p) - (1 - target) * Math.log(1 - p), 10);
    else expect(loss).toBeCloseTo(Math.abs(logit), 6);
  });
});
