import { test } from 'vitest';
import { checkGradients, probe } from '../gradient-check.test-data.ts';
import { columnsOf } from '../tape/tensor.ts';
import { attention, causalRanges } from './attention.ts';
import { add, gated, scale } from './elementwise.ts';
import { gatherRows } from './gather-rows.ts';
import { linear } from './linear.ts';
import { rmsNorm } from './rms-norm.ts';
import { rope, ropeAngles } from './rope.ts';

test('linear: a sum of products with columns of one weight', () =>
  checkGradients({
    define(parameters) {
      const [left, right] = [parameters.trained('left', 9, 5), parameters.trained('right', 9, 7)];
      const weight = parameters.trained('weight', 20, 12);
      return (tape) =>
        probe(
          tape,
          linear(tape, 'y', [
            { input: left, weight: columnsOf(weight, 0, 5) },
            { input: right, weight: columnsOf(weight, 5, 7) },
          ]),
        );
    },
  }));

test('linear: more than one block of depth, one operand used twice', () =>
  checkGradients({
    size: 0.3,
    define(parameters) {
      const input = parameters.trained('input', 7, 300);
      const weight = parameters.trained('weight', 7, 300);
      return (tape) => {
        const first = linear(tape, 'x w^T', [{ input, weight }]);
        return probe(tape, linear(tape, 'again', [{ input: first, weight: first }]));
      };
    },
  }));

test.each([
  ['per row', 1],
  ['per head', 4],
])('rms-norm %s', (_name, groups) =>
  checkGradients({
    define(parameters) {
      const input = parameters.trained('input', 5, 24);
      const weight = parameters.trained('weight', 1, 24 / groups);
      return (tape) => probe(tape, rmsNorm(tape, 'y', { input, weight }, { epsilon: 1e-5, groups }));
    },
  }),
);

test.each(['silu', 'sigmoid'] as const)('gated by %s, added and scaled', (activation) =>
  checkGradients({
    size: 3,
    define(parameters) {
      const [gate, up] = [parameters.trained('gate', 4, 13), parameters.trained('up', 4, 13)];
      return (tape) => {
        const y = gated(tape, 'y', { gate, up, activation });
        return probe(tape, add(tape, 'z', scale(tape, 'half', y, 0.5), up));
      };
    },
  }),
);

test('rope turns part of each head', () =>
  checkGradients({
    define(parameters) {
      const input = parameters.trained('input', 6, 2 * 12);
      const angles = { base: 100, rotaryDim: 8, scaling: { kind: 'none' } } as const;
      const table = ropeAngles(angles, [0, 1, 2, 3, 7, 9]);
      return (tape) => probe(tape, rope(tape, 'y', input, { heads: 2, headDim: 12, rotaryDim: 8, table }));
    },
  }));

test('gather-rows adds the gradients of equal indices', () =>
  checkGradients({
    define(parameters) {
      const table = parameters.trained('table', 5, 6);
      return (tape) => probe(tape, gatherRows(tape, 'y', table, Uint32Array.of(3, 0, 3, 4, 1, 2, 3)));
    },
  }));

const heads = { heads: 4, kvHeads: 2, headDim: 8, scale: 0.35 };

test.each([0, 1, 3])('causal attention of two sequences with %i diagonals', (count) =>
  checkGradients({
    define(parameters) {
      const queries = parameters.trained('queries', 10, 32);
      const pairs = Array.from({ length: count + 1 }, (_, step) => ({
        keys: parameters.trained(`keys ${step}`, 10, 16),
        values: parameters.trained(`values ${step}`, 10, 16),
      }));
      const [base = pairs[0], ...diagonals] = pairs;
      const shape = { ...heads, sequences: 2, visible: causalRanges(2, 5) };
      return (tape) => {
        if (base === undefined) throw new Error('there is a first block');
        return probe(tape, attention(tape, 'y', { queries, ...base, diagonals }, shape));
      };
    },
  }),
);

test('attention to a context and to an own block, without order', () =>
  checkGradients({
    define(parameters) {
      const queries = parameters.trained('queries', 6, 32);
      const [keys, values] = [parameters.trained('keys', 11, 16), parameters.trained('values', 11, 16)];
      // Blocks of two and four queries: context keys 0 to 3 or 0 to 4, own keys from 5 on; one query sees its block alone.
      const rows = [
        [0, 3, 5, 7],
        [0, 3, 5, 7],
        [0, 5, 7, 11],
        [0, 5, 7, 11],
        [0, 0, 7, 11],
        [2, 4, 8, 10],
      ];
      const shape = { ...heads, sequences: 1, visible: Uint32Array.from(rows.flat()) };
      return (tape) => probe(tape, attention(tape, 'y', { queries, keys, values }, shape));
    },
  }));
