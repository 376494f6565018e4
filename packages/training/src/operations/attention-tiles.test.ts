/** Sequences of more queries than a tile: values against plain loops over the visible keys, gradients against differences. */
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { expect, test } from 'vitest';
import { checkGradients, probe } from '../gradient-check.test-data.ts';
import { planArena } from '../tape/arena-plan.ts';
import { ParameterSet } from '../tape/parameter-set.ts';
import { Tape } from '../tape/tape.ts';
import { createDoubleArena } from '../tape/training-arena.ts';
import { attention, causalRanges } from './attention.ts';
import { tileRows } from './attention-tiles.ts';

const heads = { heads: 2, kvHeads: 1, headDim: 4, scale: 0.5 };
const queryCount = tileRows + 22;
const context = 40;

/** Blocks of four queries behind a context, at random anchors: as drafts of blocks attend. */
function blockRanges(sequences: number): Uint32Array {
  const random = seededRandom(3);
  const rows = Array.from({ length: sequences * queryCount }, (_, row) => {
    const own = context + 4 * Math.floor((row % queryCount) / 4);
    const start = randomInteger(random, 0, context);
    return [start, randomInteger(random, start, context), own, Math.min(own + 4, context + queryCount)];
  });
  return Uint32Array.from(rows.flat());
}

test.each([
  ['blocks behind a context', blockRanges(2), context + queryCount],
  ['causal', causalRanges(2, queryCount), queryCount],
] as const)('%s: values are those of plain loops', (_name, visible, keyCount) => {
  const parameters = new ParameterSet();
  const queries = parameters.trained('queries', 2 * queryCount, 8);
  const keys = parameters.trained('keys', 2 * keyCount, 4);
  const values = parameters.trained('values', 2 * keyCount, 4);
  const tape = new Tape({ trains: false, parameterGradients: parameters.gradients });
  const output = attention(tape, 'y', { queries, keys, values }, { ...heads, sequences: 2, visible });
  const found = new Float64Array(output.rows * output.columns);
  tape.emit('copy', [output], ({ elements, at }) =>
    found.set(elements.subarray(at(output), at(output) + found.length)),
  );
  const recording = tape.finish();
  const arena = createDoubleArena(planArena(parameters, [recording]), parameters);
  const random = seededRandom(9);
  for (const name of ['queries', 'keys', 'values'])
    arena.parameter(name).forEach((_, index, all) => {
      all[index] = 2 * random() - 1;
    });
  arena.run(recording);
  const [q, k, v] = ['queries', 'keys', 'values'].map((name) => arena.parameter(name));
  for (let row = 0; row < 2 * queryCount; row++) {
    const [a = 0, b = 0, c = 0, d = 0] = visible.subarray(4 * row, 4 * row + 4);
    const range = (from: number, to: number) =>
      Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
    const seen = [...range(a, b), ...range(c, d)].map((key) => Math.floor(row / queryCount) * keyCount + key);
    for (let head = 0; head < 2; head++) {
      const scores = seen.map((key) =>
        [0, 1, 2, 3].reduce(
          (sum, i) => sum + (q?.[8 * row + 4 * head + i] ?? 0) * (k?.[4 * key + i] ?? 0),
          0,
        ),
      );
      const weights = scores.map((score) => Math.exp(0.5 * score));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let i = 0; i < 4; i++) {
        const expected = seen.reduce(
          (sum, key, at) => sum + ((weights[at] ?? 0) / total) * (v?.[4 * key + i] ?? 0),
          0,
        );
        expect(Math.abs((found[8 * row + 4 * head + i] ?? Number.NaN) - expected)).toBeLessThan(1e-12);
      }
    }
  }
});

test('gradients of blocks behind a context', () =>
  checkGradients({
    define(parameters) {
      const queries = parameters.trained('queries', queryCount, 4);
      const keys = parameters.trained('keys', context + queryCount, 4);
      const values = parameters.trained('values', context + queryCount, 4);
      const shape = { ...heads, heads: 1, sequences: 1, visible: blockRanges(1) };
      return (tape) => probe(tape, attention(tape, 'y', { queries, keys, values }, shape));
    },
  }));

test('gradients of causal attention with a diagonal', () =>
  checkGradients({
    define(parameters) {
      const queries = parameters.trained('queries', queryCount, 4);
      const [keys, values] = [
        parameters.trained('keys', queryCount, 4),
        parameters.trained('values', queryCount, 4),
      ];
      const pair = {
        keys: parameters.trained('diagonal keys', queryCount, 4),
        values: parameters.trained('diagonal values', queryCount, 4),
      };
      const shape = { ...heads, heads: 1, sequences: 1, visible: causalRanges(1, queryCount) };
      return (tape) => probe(tape, attention(tape, 'y', { queries, keys, values, diagonals: [pair] }, shape));
    },
  }));
