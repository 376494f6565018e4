/** Losses of draft blocks: corrected logits, factors of groups of rows, confidence. */
import { expect, test } from 'vitest';
import { checkGradients } from '../gradient-check.test-data.ts';
import { planArena } from '../tape/arena-plan.ts';
import { ParameterSet } from '../tape/parameter-set.ts';
import { Tape } from '../tape/tape.ts';
import { createDoubleArena } from '../tape/training-arena.ts';
import { binaryHeadLoss } from './binary-head-loss.ts';
import { correctedHeadLoss } from './corrected-head-loss.ts';
import { headChunkRows, labelHeadLoss } from './label-head-loss.ts';

/** A scalar that is computed from the sums of a loss after the steps have run. */
function lossFrom(read: () => number): { readonly value: number } {
  return {
    get value() {
      return read();
    },
  };
}

test('base and corrected logits over more than one chunk of rows', () =>
  checkGradients({
    define(parameters) {
      const rows = headChunkRows + 6;
      const [hidden, head] = [parameters.trained('hidden', rows, 5), parameters.trained('head', 11, 5)];
      const [low, projection] = [parameters.trained('low', rows, 3), parameters.trained('projection', 11, 3)];
      const labels = Uint32Array.from({ length: rows }, (_, row) => (row * 5) % 11);
      const weights = Float64Array.from({ length: rows }, (_, row) => (row % 3 === 0 ? 0 : 0.1 + (row % 7)));
      const isCorrected = Uint8Array.from({ length: rows }, (_, row) => Number(row % 4 > 1));
      const hits = { baseHits: new Uint8Array(rows), finalHits: new Uint8Array(rows) };
      const heads = { hidden, head, low, projection };
      return (tape) => {
        const inputs = { ...heads, isCorrected, labels, weights, ...hits, baseShare: { value: 0.3 } };
        const { base, final } = correctedHeadLoss(tape, 'loss', inputs);
        return lossFrom(() => 0.7 * final.loss + 0.3 * base.loss);
      };
    },
  }));

test('a confidence head of two inputs', () =>
  checkGradients({
    define(parameters) {
      const terms = [4, 3].map((width) => ({
        input: parameters.trained(`input ${width}`, 9, width),
        weight: parameters.trained(`weight ${width}`, 1, width),
      }));
      const targets = Float64Array.from({ length: 9 }, (_, row) => (row % 5) / 4);
      const weights = Float64Array.from({ length: 9 }, (_, row) => (row % 4 === 0 ? 0 : 0.5 + row));
      return (tape) => {
        const sums = binaryHeadLoss(tape, 'loss', { terms, targets, weights });
        return lossFrom(() => sums.loss);
      };
    },
  }));

test('factors of whole groups multiply the weights, and chunks hold whole groups', () => {
  const rows = 2 * headChunkRows;
  const groupRows = 5;
  const parameters = new ParameterSet();
  const [hidden, head] = [parameters.trained('hidden', rows, 2), parameters.trained('head', 3, 2)];
  const groups: number[] = [];
  const factors = {
    groupRows,
    factorsOf(probabilities: Float64Array, weights: Float64Array): Float64Array {
      groups.push(probabilities.length);
      for (const probability of probabilities) expect(probability).toBeCloseTo(1 / 3, 12);
      return weights.map((_, row) => row);
    },
  };
  const tape = new Tape({ trains: true, parameterGradients: parameters.gradients });
  const labels = new Uint32Array(rows);
  const hits = new Uint8Array(rows);
  const weights = new Float64Array(rows).fill(2);
  const sums = labelHeadLoss(tape, 'loss', { hidden, head, labels, weights, factors, hits });
  const recording = tape.finish();
  const arena = createDoubleArena(planArena(parameters, [recording]), parameters);
  arena.run(recording); // all weights are zero: every token has the same probability
  expect(groups).toEqual([...new Array(51).fill(groupRows), 1]);
  expect(sums.loss).toBeCloseTo(51 * 2 * (0 + 1 + 2 + 3 + 4) * Math.log(3), 8);
  expect(sums.rows).toBe(rows);
  expect(hits).toEqual(new Uint8Array(rows).fill(1));
});
