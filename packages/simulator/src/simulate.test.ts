import { describe, expect, test } from 'vitest';
import { chromeTrace } from './render/chrome-trace.ts';
import { timelineSvg } from './render/timeline-svg.ts';
import { reportOf, type SimulationReport } from './report.ts';
import { routerNames } from './routers.ts';
import { type SimulationInput, simulate } from './simulate.ts';
import { plainReplica, simulationInput, smallServing } from './testing.test-data.ts';

function report(input: SimulationInput): SimulationReport {
  return reportOf(input, simulate(input));
}

test('one request: every time follows from its steps', () => {
  const input = simulationInput({
    frontEndSeconds: 0.5,
    load: {
      arrivals: { kind: 'closed', clients: 1, thinkSeconds: { kind: 'fixed', value: 0 } },
      requests: 1,
      prompt: { kind: 'fixed', value: 700 },
      output: { kind: 'fixed', value: 3 },
    },
  });
  const { ttft, ttftParts, itl, e2e, batch, tokenGap } = report(input);
  // Chunks of 512 and 188 tokens, then two decode steps of one token.
  const prefill = 0.01 + 0.0512 + 0.01 + 0.0188;
  expect(batch.steps).toBe(4);
  expect(ttft?.mean).toBeCloseTo(0.5 + prefill, 12);
  expect(ttftParts.queue?.mean).toBe(0);
  expect(ttftParts.prefill?.mean).toBeCloseTo(prefill, 12);
  expect(itl?.mean).toBeCloseTo(0.0101, 12);
  expect(e2e?.mean).toBeCloseTo(0.5 + prefill + 2 * 0.0101, 12);
  expect((tokenGap?.p50 ?? 0) / 0.0101).toBeCloseTo(1, 2);
});

test('equal seeds give equal bytes, another seed gives another run', () => {
  const text = (seed: number): string => {
    const input = simulationInput({ traces: true, load: { seed } });
    const outcome = simulate(input);
    return `${JSON.stringify(reportOf(input, outcome))}${chromeTrace(outcome)}${timelineSvg(outcome, 'run')}`;
  };
  expect(text(5)).toBe(text(5));
  expect(text(6)).not.toBe(text(5));
});

test.each(routerNames)('%s: every request ends, on all replicas', (router) => {
  const input = simulationInput({
    router,
    replicaCount: 3,
    load: { arrivals: { kind: 'poisson', requestsPerSecond: 12 } },
  });
  const outcome = simulate(input);
  expect(reportOf(input, outcome).requests).toMatchObject({ completed: 500, censored: 0, refused: 0 });
  for (const { scheduler, outstanding } of outcome.replicas) {
    expect(outstanding).toBe(0);
    expect(scheduler.metrics.finished).toBeGreaterThan(50);
    expect(scheduler.liveCount).toBe(0);
    scheduler.checkIntegrity();
  }
});

test('power of two keeps queues shorter than round robin, and prefix-aware finds more of the cache', () => {
  const shared = { ...plainReplica, serving: { ...smallServing, prefixCaching: true } };
  const run = (router: SimulationInput['router']): SimulationReport =>
    report(
      simulationInput({
        router,
        replicaCount: 4,
        replica: shared,
        load: {
          arrivals: { kind: 'gamma', requestsPerSecond: 36, burstiness: 2 },
          prompt: { kind: 'uniform', min: 320, max: 400 },
          prefix: { tokens: 320, groups: 12 },
        },
      }),
    );
  const turns = run('round-robin');
  expect(run('power-of-two').ttftParts.queue?.mean).toBeLessThan(turns.ttftParts.queue?.mean ?? 0);
  expect(run('prefix-aware').kvCache.prefixHitShare).toBeGreaterThan(turns.kvCache.prefixHitShare);
});

describe('the run ends', () => {
  test('overload is unstable, and no SLO of it holds', () => {
    const { stable, unstableReason, requests } = report(
      simulationInput({ load: { arrivals: { kind: 'poisson', requestsPerSecond: 100 }, requests: 2000 } }),
    );
    expect(stable).toBe(false);
    expect(unstableReason).toContain('the queue grows with time');
    expect(requests.completed).toBe(2000);
  });

  test('a queue without end stops the run', () => {
    const load = { arrivals: { kind: 'poisson', requestsPerSecond: 1e7 } as const, requests: 1e8 };
    const { requests, unstableReason } = report(simulationInput({ load }));
    expect(unstableReason).toContain('200001 requests wait');
    expect(requests.completed + requests.censored).toBe(1e8);
  });

  test('a load that the replica can serve is stable', () => {
    const load = { arrivals: { kind: 'poisson', requestsPerSecond: 6 } as const, requests: 4000 };
    expect(report(simulationInput({ load }))).toMatchObject({ stable: true, unstableReason: null });
  });

  test('the cap of simulated time leaves requests that have not ended', () => {
    const input = simulationInput({ simulatedSecondsMax: 30 });
    const outcome = simulate(input);
    const { requests } = reportOf(input, outcome);
    expect(outcome.endedAt).toBe(30);
    expect(requests.completed).toBeGreaterThan(20);
    expect(requests.completed + requests.censored).toBe(500);
  });

  test('requests that can never fit are refused, and a client then sends its next request', () => {
    const closed = { kind: 'closed', clients: 2, thinkSeconds: { kind: 'fixed', value: 0 } } as const;
    const prompt = { kind: 'empirical', values: [100, 9000] } as const;
    const { requests } = report(simulationInput({ load: { arrivals: closed, prompt } }));
    expect(requests.refusals).toEqual({ 'context-overflow': requests.refused });
    expect(requests.refused).toBeGreaterThan(150);
    expect(requests.completed + requests.refused).toBe(500);
  });
});

test('a pool that is too small preempts, and computes tokens again', () => {
  const serving = { ...smallServing, groups: [{ name: 'full', blockCount: 64, window: null }] };
  const load = { arrivals: { kind: 'poisson', requestsPerSecond: 20 } as const };
  const { kvCache, requests } = report(simulationInput({ replica: { ...plainReplica, serving }, load }));
  expect(requests.completed).toBe(500);
  expect(kvCache.preemptions).toBeGreaterThan(0);
  expect(kvCache.recomputedTokens).toBeGreaterThan(0);
  expect(kvCache.occupancyPeak).toBeGreaterThan(0.9);
});

test('goodput counts the requests that hold every limit', () => {
  const all = report(simulationInput({ limits: { e2eSeconds: 1e6 } }));
  expect(all.goodput?.share).toBe(1);
  const some = report(simulationInput({ limits: { e2eSeconds: all.e2e?.p50 ?? 0 } }));
  expect(some.goodput?.share).toBeCloseTo(0.5, 2);
  expect(report(simulationInput()).goodput).toBeNull();
});

test.each([
  ['open', { kind: 'poisson', requestsPerSecond: 6 }, 1],
  ['closed', { kind: 'closed', clients: 20, thinkSeconds: { kind: 'fixed', value: 0.05 } }, 3],
] as const)(
  '%s: stretches of decode steps give the figures of single steps',
  (_name, arrivals, replicaCount) => {
    const run = (skipsQuietSteps: boolean): SimulationReport =>
      report(simulationInput({ skipsQuietSteps, replicaCount, load: { arrivals } }));
    const { batch, kvCache, tokenGap, ...figures } = run(false);
    const jumping = run(true);
    expect(jumping).toMatchObject(figures);
    expect({ ...jumping.tokenGap, mean: 0 }).toEqual({ ...tokenGap, mean: 0 });
    expect(jumping.tokenGap?.mean).toBeCloseTo(tokenGap?.mean ?? 0, 12);
    expect(jumping.batch.steps).toBe(batch.steps);
    expect(jumping.batch.runningMean).toBeCloseTo(batch.runningMean, 6);
    expect(jumping.kvCache.preemptions).toBe(kvCache.preemptions);
  },
);
