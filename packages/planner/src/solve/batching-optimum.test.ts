import fc from 'fast-check';
import { expect, test } from 'vitest';
import { request } from '../test-models.ts';
import { codeOf, column, field, mlsysim, mlsysimRequest, output, solved } from './solve.test-data.ts';

const replica = request({});

test('mlsysim 0.3.0 takes the context for the output and the rate for the throughput; ours follows the batch', () => {
  const [vector] = mlsysim('BatchingOptimizer');
  expect(field(vector?.answer ?? {}, 'max_throughput')).toBe(2 * 512);
  const given = { promptTokens: 512, outputTokens: 512, usersLimit: 32, e2eLimit: 20 };
  const result = solved('batching-optimum', given, { replica: mlsysimRequest() });
  expect(output(result, 'users')).toBe(32);
  expect(output(result, 'tokensPerSecond')).toBeGreaterThan(3000);
});

test('output and times grow with the requests; the answer is the last within the limits', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 80 }),
      fc.integer({ min: 64, max: 4096 }),
      (milliseconds, promptTokens) => {
        const tpotLimit = milliseconds / 1000;
        const result = solved('batching-optimum', { promptTokens, tpotLimit }, { replica });
        for (const name of ['tokensPerSecond', 'tpotSeconds', 'ttftSeconds', 'e2eSeconds']) {
          const values = column(result, name);
          expect(values).toEqual(values.toSorted((left, right) => left - right));
        }
        expect(output(result, 'tpotSeconds')).toBeLessThanOrEqual(tpotLimit);
        if (result.outputs.bound !== '--tpot-limit') return;
        const users = output(result, 'users') + 1;
        const next = solved('batching-optimum', { promptTokens, usersLimit: users }, { replica });
        expect(output(next, 'users')).toBe(users);
        expect(output(next, 'tpotSeconds')).toBeGreaterThan(tpotLimit);
      },
    ),
    { numRuns: 30 },
  );
});

test('without limits the memory ends the search; impossible limits are infeasible', () => {
  const free = solved('batching-optimum', { promptTokens: 8000 }, { replica });
  expect(free.outputs.bound).toBe('memory');
  expect(codeOf(() => solved('batching-optimum', { tpotLimit: 0.001 }, { replica }))).toBe('infeasible');
});
