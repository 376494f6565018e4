import fc from 'fast-check';
import { expect, test } from 'vitest';
import { prepare } from '../engines/engines.ts';
import { request } from '../test-models.ts';
import { codeOf, field, mlsysim, mlsysimRequest, output, solved } from './solve.test-data.ts';

const replica = request({});

test('mlsysim 0.3.0: the same rate of a full replica, apart from the prompts that it leaves out', () => {
  const [vector] = mlsysim('ServingCapacityModel');
  const theirs = field(vector?.answer ?? {}, 'per_replica_qps_capacity');
  const given = { rate: 5, p99: 60, promptTokens: 2048, outputTokens: 128, usersLimit: 32 };
  const result = solved('replicas', given, { replica: mlsysimRequest() });
  // Theirs answers 34 requests a second with 32 running, as if prompts cost nothing.
  const ours = output(result, 'requestsPerSecondMax') / output(result, 'replicas');
  const prefill = prepare(mlsysimRequest()).speed.prefillSeconds(2048);
  expect((1 / ours - 1 / theirs) / prefill).toBeCloseTo(1, 1);
});

test('more requests or a shorter limit never take fewer replicas', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 12, max: 60 }), (rate, p99) => {
      const count = (given: object): number =>
        output(solved('replicas', { rate, p99, ...given }, { replica }), 'replicas');
      expect(count({ rate: rate * 1.5 })).toBeGreaterThanOrEqual(count({}));
      expect(count({ p99: p99 * 1.5 })).toBeLessThanOrEqual(count({}));
    }),
    { numRuns: 40 },
  );
});

test('the answer is the least: the p99 holds, and without the last replica it does not', () => {
  const at = (p99: number) => solved('replicas', { rate: 60, p99 }, { replica });
  const first = at(20);
  expect(output(first, 'p99Seconds')).toBeLessThanOrEqual(20);
  // At the limit that this pool just keeps, one replica less breaks it: a limit below needs one more.
  const tight = at(output(first, 'p99Seconds') * 0.999);
  expect(output(tight, 'replicas')).toBeGreaterThan(output(first, 'replicas'));
});

test('a rate near zero takes one replica at the speed of a lone request', () => {
  const result = solved('replicas', { rate: 1e-6, p99: 60, serviceVariation: 0 }, { replica });
  const alone = solved('batching-optimum', { usersLimit: 1 }, { replica });
  expect(output(result, 'replicas')).toBe(1);
  expect(output(result, 'p99Seconds')).toBeCloseTo(output(alone, 'e2eSeconds'), 6);
});

test.each([
  ['no limit', { rate: 1 }, 'missing-input'],
  ['an answer that no replica gives', { rate: 1, p99: 0.1 }, 'infeasible'],
  ['a first token that no replica gives', { rate: 1, ttftP99: 0.001 }, 'infeasible'],
  ['no rate', { p99: 1 }, 'missing-input'],
] as const)('%s is refused', (_, given, code) => {
  expect(codeOf(() => solved('replicas', given, { replica }))).toBe(code);
});

test('a limit just above the time of a lone request takes as many replicas as requests run, and answers at once', () => {
  const given = { serviceVariation: 0 };
  const alone = output(solved('batching-optimum', { usersLimit: 1 }, { replica }), 'e2eSeconds');
  const result = solved('replicas', { ...given, rate: 10_000, p99: alone * 1.001 }, { replica });
  expect(output(result, 'replicas')).toBeGreaterThan(0.9 * 10_000 * alone);
});
