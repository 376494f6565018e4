import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { erlangC, queueState } from './queueing.ts';
import { codeOf, field, mlsysim, output, solved } from './solve.test-data.ts';

describe('mlsysim 0.3.0', () => {
  test.each(mlsysim('TailLatencyModel'))('waits and load of $given', ({ given, answer }) => {
    const service = field(given, 'service_latency_ms') / 1000;
    const servers = given.num_replicas ?? 1;
    const result = solved('tail-latency', {
      rate: field(given, 'arrival_rate_qps'),
      serviceTime: service,
      servers,
    });
    expect(output(result, 'utilization')).toBeCloseTo(field(answer, 'queue_utilization'), 12);
    // Their p50 and p99 are a quantile of the wait plus the mean service.
    expect(output(result, 'waitP50Seconds') + service).toBeCloseTo(field(answer, 'p50_latency'), 9);
    expect(output(result, 'waitP99Seconds') + service).toBeCloseTo(field(answer, 'p99_latency'), 9);
    // A p99 of the response is never below the p99 of the service alone.
    expect(output(result, 'responseP99Seconds')).toBeGreaterThan(service * Math.log(100) * 0.999);
  });

  test.each(mlsysim('KingmanQueueModel'))('mean waits of $given', ({ given, answer }) => {
    const service = field(given, 'service');
    for (const load of ['low', 'high']) {
      const result = solved('tail-latency', {
        rate: field(given, load) / service,
        serviceTime: service,
        arrivalVariation: Math.sqrt(field(given, 'arrival_scv')),
        serviceVariation: Math.sqrt(field(given, 'service_scv')),
      });
      expect(output(result, 'waitMeanSeconds')).toBeCloseTo(field(answer, `wait_${load}`), 6);
    }
  });
});

/** Solves the balance of a birth and death chain by iterating its flows, without any formula of queues. */
function chainWaitProbability(offered: number, servers: number): number {
  const states = servers + 4000;
  let weight = 1;
  let sum = 1;
  let waiting = servers === 0 ? 1 : 0;
  for (let state = 1; state <= states; state++) {
    weight *= offered / Math.min(state, servers);
    sum += weight;
    if (state >= servers) waiting += weight;
  }
  return waiting / sum;
}

test("Erlang's formula equals the stationary state of the Markov chain", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.double({ min: 0.01, max: 0.97, noNaN: true }),
      (servers, load) => {
        expect(erlangC(load * servers, servers)).toBeCloseTo(
          chainWaitProbability(load * servers, servers),
          8,
        );
      },
    ),
  );
  expect(erlangC(9_900, 10_000)).toBeGreaterThan(0);
  expect(erlangC(9_900, 10_000)).toBeLessThan(1);
});

test('one server with exponential times: the response is exponential with mean 1 / (mu - lambda)', () => {
  const { responseSeconds } = queueState({
    ...{ rate: 8, serviceSeconds: 0.1, servers: 1 },
    ...{ arrivalVariation: 1, serviceVariation: 1 },
  });
  for (const share of [0.5, 0.9, 0.99])
    expect(responseSeconds(share)).toBeCloseTo(-Math.log(1 - share) / 2, 9);
});

test('waits and responses grow with the load and shrink with servers; without load the response is the service', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.double({ min: 0, max: 0.9, noNaN: true }),
      fc.double({ min: 0, max: 3, noNaN: true }),
      (servers, load, serviceVariation) => {
        const given = { rate: load * servers, serviceTime: 1, servers, serviceVariation };
        const at = solved('tail-latency', given);
        const busier = solved('tail-latency', { ...given, rate: (load + 0.05) * servers });
        const larger = solved('tail-latency', { ...given, servers: servers + 1 });
        for (const name of ['waitMeanSeconds', 'waitP99Seconds', 'responseP99Seconds']) {
          expect(output(busier, name)).toBeGreaterThanOrEqual(output(at, name) - 1e-9);
          expect(output(larger, name)).toBeLessThanOrEqual(output(at, name) + 1e-9);
        }
        const idle = solved('tail-latency', { ...given, rate: 0 });
        expect(output(idle, 'waitMeanSeconds')).toBe(0);
        if (serviceVariation === 0) expect(output(idle, 'responseP99Seconds')).toBeCloseTo(1, 9);
      },
    ),
    { numRuns: 60 },
  );
});

test('a queue that grows without end names the least number of servers', () => {
  const call = () => solved('tail-latency', { rate: 50, serviceTime: 0.1, servers: 5 });
  expect(call).toThrow('the queue grows without end');
  expect(call).toThrow(
    expect.objectContaining({ code: 'unstable', value: 5, limit: 'less than 5', hint: 'at least 6 servers' }),
  );
});

test.each([
  ['a negative rate', { rate: -1, serviceTime: 1 }, 'bad-input'],
  ['half a server', { rate: 1, serviceTime: 0.1, servers: 1.5 }, 'bad-input'],
  ['no service time', { rate: 1 }, 'missing-input'],
  ['an unknown input', { rate: 1, serviceTime: 0.1, colour: 1 }, 'unknown-input'],
  ['a text', { rate: 'many', serviceTime: 0.1 }, 'bad-input'],
  ['no number', { rate: Number.NaN, serviceTime: 0.1 }, 'bad-input'],
] as const)('%s is refused', (_, given, code) => {
  expect(codeOf(() => solved('tail-latency', given))).toBe(code);
});
