/** Operations on groups of rows: joined rows, recurrent units, convolutions. */
import { test } from 'vitest';
import { checkGradients, probe } from '../gradient-check.test-data.ts';
import { silu } from './elementwise.ts';
import { gru } from './gru.ts';
import { joinRows } from './join-rows.ts';
import { linear } from './linear.ts';
import { shortConvolution } from './short-convolution.ts';

test('join-rows puts the rows of two tensors under each other in every sequence', () =>
  checkGradients({
    define(parameters) {
      const [first, second] = [parameters.trained('first', 6, 5), parameters.trained('second', 4, 5)];
      return (tape) => probe(tape, joinRows(tape, 'y', { first, second }, 2));
    },
  }));

test('silu', () =>
  checkGradients({
    size: 4,
    define(parameters) {
      const input = parameters.trained('input', 3, 17);
      return (tape) => probe(tape, silu(tape, 'y', input));
    },
  }));

test.each([0, 1, 2])('a recurrent unit that reads from row %i on', (firstStep) =>
  checkGradients({
    define(parameters) {
      const input = parameters.trained('input', 15, 4);
      const projection = parameters.trained('projection', 18, 4);
      const weight = parameters.trained('weight', 18, 6);
      return (tape) => {
        const projected = linear(tape, 'x', [{ input, weight: projection }]);
        return probe(tape, gru(tape, 'y', { projected, weight }, { steps: 5, firstStep }));
      };
    },
  }),
);

test.each([1, 3])(
  'convolution of two taps in blocks of rows, with %i deltas for each tap and row',
  (groups) =>
    checkGradients({
      define(parameters) {
        const input = parameters.trained('input', 8, 6);
        const base = parameters.trained('base', 2, 6);
        const delta = parameters.trained('delta', 8, 2 * groups);
        return (tape) => probe(tape, shortConvolution(tape, 'y', { input, base, delta }, 4));
      },
    }),
);

test('convolution of three fixed taps', () =>
  checkGradients({
    define(parameters) {
      const [input, base] = [parameters.trained('input', 10, 3), parameters.trained('base', 3, 3)];
      return (tape) => probe(tape, shortConvolution(tape, 'y', { input, base }, 5));
    },
  }));
