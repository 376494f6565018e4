import { describe, expect, test } from 'vitest';
import { reportOf, type SimulationReport } from '../report.ts';
import { type SimulationInput, simulate } from '../simulate.ts';
import { plainReplica, simulationInput, smallServing } from '../testing.test-data.ts';

/** 1,000 bytes per prompt token over 1 MB/s: a millisecond per token. */
const link = { latencySeconds: 0.002, bytesPerSecond: 1e6, promptBytes: (tokens: number) => 1000 * tokens };

function input(options: Parameters<typeof simulationInput>[0] = {}): SimulationInput {
  return simulationInput({
    disaggregation: { decode: plainReplica, decodeCount: 1, link },
    ...options,
  });
}

function report(asked: SimulationInput): SimulationReport {
  return reportOf(asked, simulate(asked));
}

test('one request: prefill, transfer and first step follow from the lengths', () => {
  const closed = { kind: 'closed', clients: 1, thinkSeconds: { kind: 'fixed', value: 0 } } as const;
  const lengths = { prompt: { kind: 'fixed', value: 201 }, output: { kind: 'fixed', value: 3 } } as const;
  const { ttft, ttftParts, disaggregation, itl, e2e } = report(
    input({ frontEndSeconds: 0.5, load: { arrivals: closed, requests: 1, ...lengths } }),
  );
  const prefill = 0.01 + 0.0201;
  // The last token of the prompt is computed on the decode replica; its block is sent with the others.
  const transfer = 0.002 + 0.201 * (200 / 200);
  const step = 0.0101;
  expect(ttftParts.prefill?.mean).toBeCloseTo(prefill, 12);
  expect(disaggregation?.decodeQueue?.mean).toBe(0);
  expect(disaggregation?.transfer?.mean).toBeCloseTo(transfer, 12);
  expect(disaggregation?.firstStep?.mean).toBeCloseTo(step, 12);
  expect(disaggregation?.transferredBytes).toBe(201_000);
  expect(ttft?.mean).toBeCloseTo(0.5 + prefill + transfer + step, 12);
  expect(itl?.mean).toBeCloseTo(step, 12);
  expect(e2e?.mean).toBeCloseTo(0.5 + prefill + transfer + 3 * step, 12);
});

describe('many requests', () => {
  const busy = input({
    replicaCount: 2,
    disaggregation: { decode: plainReplica, decodeCount: 3, link: { ...link, bytesPerSecond: 2e7 } },
    router: 'least-loaded',
    load: { arrivals: { kind: 'poisson', requestsPerSecond: 8 } },
  });

  test('every request ends, every block comes back, TTFT is the sum of its parts', () => {
    const outcome = simulate(busy);
    const { requests, ttft, ttftParts, disaggregation } = reportOf(busy, outcome);
    expect(requests).toMatchObject({ completed: 500, censored: 0, refused: 0 });
    for (const { scheduler, outstanding } of outcome.replicas) {
      expect([outstanding, scheduler.liveCount]).toEqual([0, 0]);
      scheduler.checkIntegrity();
    }
    const parts = [ttftParts.queue, ttftParts.prefill].concat([
      disaggregation?.decodeQueue ?? null,
      disaggregation?.transfer ?? null,
      disaggregation?.firstStep ?? null,
    ]);
    const sum = parts.reduce((total, part) => total + (part?.mean ?? Number.NaN), 0);
    expect(sum).toBeCloseTo(ttft?.mean ?? 0, 9);
    expect(disaggregation?.prefill).toMatchObject({ replicas: 2, blocks: 8192 });
    expect(disaggregation?.decode).toMatchObject({ replicas: 3, blocks: 12_288 });
    expect(disaggregation?.decode.occupancyMean).toBeGreaterThan(disaggregation?.prefill.occupancyMean ?? 1);
  });

  test('stretches of decode steps give the figures of single steps', () => {
    const { batch, tokenGap, kvCache, disaggregation, ...figures } = report({
      ...busy,
      skipsQuietSteps: false,
    });
    const jumping = report(busy);
    expect(jumping).toMatchObject(figures);
    expect(jumping.disaggregation?.transfer).toEqual(disaggregation?.transfer);
    expect(jumping.kvCache.preemptions).toBe(kvCache.preemptions);
    expect(jumping.tokenGap?.p99).toBe(tokenGap?.p99);
    expect(jumping.batch.runningMean).toBeCloseTo(batch.runningMean, 6);
  });

  test('a slow link fills the prefill pool with blocks that wait', () => {
    const slow = { ...link, bytesPerSecond: 1e6 };
    const small = { ...smallServing, groups: [{ name: 'full', blockCount: 256, window: null }] };
    const { disaggregation, ttft } = report({
      ...busy,
      replica: { ...plainReplica, serving: small },
      disaggregation: { decode: plainReplica, decodeCount: 3, link: slow },
    });
    expect(disaggregation?.linkBusyShare).toBeGreaterThan(0.6);
    expect(disaggregation?.prefill.occupancyPeak).toBeGreaterThan(0.5);
    expect(ttft?.p99).toBeGreaterThan(report(busy).ttft?.p99 ?? Infinity);
  });

  test('a decode pool that is too small preempts, and every request still ends', () => {
    const small = { ...smallServing, groups: [{ name: 'full', blockCount: 40, window: null }] };
    const { requests, kvCache, disaggregation } = report({
      ...busy,
      disaggregation: {
        decode: { ...plainReplica, serving: small },
        decodeCount: 3,
        link: { ...link, bytesPerSecond: 1e8 },
      },
    });
    expect(requests.completed).toBe(500);
    expect(kvCache.preemptions).toBeGreaterThan(0);
    expect(disaggregation?.decodeQueue?.p99).toBeGreaterThan(0);
  });

  test('sessions continue after answers, and a request that fits no decode replica is refused', () => {
    const closed = { kind: 'closed', clients: 4, thinkSeconds: { kind: 'fixed', value: 0.1 } } as const;
    const narrow = { ...plainReplica, serving: { ...smallServing, contextMax: 400 } };
    const { requests } = report({
      ...busy,
      disaggregation: { decode: narrow, decodeCount: 1, link },
      workload: { ...busy.workload, arrivals: closed, requests: 200 },
    });
    expect(requests.refusals).toEqual({ 'context-overflow': requests.refused });
    expect(requests.refused).toBeGreaterThan(10);
    expect(requests.completed + requests.refused).toBe(200);
  });
});
