/** Sessions and recorded conversations in the event loop. */
import { describe, expect, test } from 'vitest';
import { reportOf, type SimulationReport } from './report.ts';
import { type SimulationInput, simulate } from './simulate.ts';
import { plainReplica, simulationInput, smallServing } from './testing.test-data.ts';
import type { TracedRequest } from './workload/arrivals.ts';
import type { SessionShape } from './workload/session-shape.ts';

const caching = { ...plainReplica, serving: { ...smallServing, prefixCaching: true } };

function report(input: SimulationInput): SimulationReport {
  return reportOf(input, simulate(input));
}

const twoTurns: SessionShape = {
  turns: { kind: 'fixed', value: 2 },
  prompt: { kind: 'fixed', value: 20 },
  thinkSeconds: { kind: 'fixed', value: 3 },
  tools: null,
  contextMax: Infinity,
};

const agents: SessionShape = {
  ...twoTurns,
  turns: { kind: 'uniform', min: 1, max: 4 },
  tools: {
    calls: { kind: 'uniform', min: 0, max: 5 },
    output: { kind: 'fixed', value: 15 },
    result: { kind: 'uniform', min: 10, max: 200 },
    waitSeconds: { kind: 'exponential', mean: 1, min: 0, max: 10 },
  },
  contextMax: 4000,
};

const oneClient = { kind: 'closed', clients: 1, thinkSeconds: { kind: 'fixed', value: 0 } } as const;

test('two turns of a session: the second finds the first in the prefix cache, after the think time', () => {
  const load = {
    arrivals: oneClient,
    requests: 2,
    prompt: { kind: 'fixed', value: 100 },
    output: { kind: 'fixed', value: 4 },
    session: twoTurns,
  } as const;
  const { sessions, kvCache, e2e } = report(simulationInput({ replica: caching, load }));
  // Steps of 10 ms and 0.1 ms per token: a prompt, then three decodes. Of 103 computed tokens, six blocks are full.
  const first = 0.01 + 0.01 + 3 * 0.0101;
  const second = 0.01 + (124 - 96) * 1e-4 + 3 * 0.0101;
  expect(sessions?.completed).toBe(1);
  expect(sessions?.requestsMean).toBe(2);
  expect(sessions?.duration?.mean).toBeCloseTo(first + 3 + second, 12);
  expect(e2e?.mean).toBeCloseTo((first + second) / 2, 12);
  expect(kvCache.prefixHitShare).toBeCloseTo(96 / 224, 12);
});

describe('agents', () => {
  const load = {
    arrivals: { kind: 'poisson', requestsPerSecond: 0.5 },
    requests: 400,
    session: agents,
    prefix: { tokens: 48, groups: 2 },
  } as const;

  test.each(['round-robin', 'prefix-aware'] as const)('%s: every request ends', (router) => {
    const input = simulationInput({ replica: caching, replicaCount: 3, router, load });
    const outcome = simulate(input);
    const { requests, sessions, kvCache } = reportOf(input, outcome);
    expect(requests).toMatchObject({ completed: 400, censored: 0, refused: 0 });
    expect(sessions?.completed).toBeGreaterThan(25);
    expect(kvCache.prefixHitShare).toBeGreaterThan(router === 'prefix-aware' ? 0.6 : 0.2);
    for (const { scheduler } of outcome.replicas) {
      expect(scheduler.liveCount).toBe(0);
      scheduler.checkIntegrity();
    }
  });

  test.each([1, 3])(
    'stretches of decode steps give the figures of single steps, %i replicas',
    (replicaCount) => {
      const run = (skipsQuietSteps: boolean): SimulationReport =>
        report(simulationInput({ replica: caching, replicaCount, skipsQuietSteps, load }));
      const { batch, tokenGap, kvCache, ...figures } = run(false);
      const jumping = run(true);
      expect(jumping).toMatchObject(figures);
      expect(jumping.batch.steps).toBe(batch.steps);
      expect(jumping.kvCache.prefixHitShare).toBe(kvCache.prefixHitShare);
    },
  );

  test('clients start a session when the last one has ended', () => {
    const closed = { kind: 'closed', clients: 5, thinkSeconds: { kind: 'fixed', value: 1 } } as const;
    const { requests, sessions } = report(simulationInput({ load: { ...load, arrivals: closed } }));
    expect(requests.completed).toBe(400);
    expect(sessions?.completed).toBeGreaterThan(25);
  });

  test('a refused turn ends its session, and the run goes on', () => {
    const long = { ...agents, contextMax: Infinity, prompt: { kind: 'fixed', value: 7000 } } as const;
    const { requests } = report(simulationInput({ load: { ...load, session: long } }));
    expect(requests.refusals).toEqual({ 'context-overflow': requests.refused });
    expect(requests.refused).toBeGreaterThan(25);
    expect(requests.completed + requests.refused).toBe(400);
  });
});

describe('recorded conversations', () => {
  const row = (atSeconds: number, follows?: TracedRequest['follows']): TracedRequest => ({
    atSeconds,
    prompt: { length: 100 },
    outputTokens: 1,
    follows,
  });
  // Answers take 20 ms. Row 2 waits for rows 0 and 1, and then 1 s; row 3 for row 2; row 4 is a conversation of its own.
  const rows = [
    row(0),
    row(0.5, { rows: [0], delaySeconds: 0.1 }),
    row(0.6, { rows: [0, 1], delaySeconds: 1 }),
    row(1.6, { rows: [2], delaySeconds: 0 }),
    row(9),
  ];

  function replay(
    starts?: { kind: 'closed'; clients: number } | { kind: 'poisson'; requestsPerSecond: number },
  ) {
    const arrivals = { kind: 'trace', rows, starts } as const;
    return report(simulationInput({ load: { arrivals, requests: rows.length } }));
  }

  test('a turn comes after the turns that it follows and its pause', () => {
    const { requests, sessions, simulatedSeconds } = replay();
    expect(requests.completed).toBe(5);
    expect(sessions?.completed).toBe(2);
    // 0.5 + 0.02, then a second: the recorded 0.6 is earlier.
    expect(simulatedSeconds).toBeCloseTo(9.02, 12);
    expect(sessions?.duration?.p99).toBeGreaterThan(1.5);
    expect(sessions?.duration?.mean).toBeCloseTo((0.02 + 0.5 + 0.02 + 1 + 0.02 + 0.06) / 2, 1);
  });

  test('clients replay one conversation after another', () => {
    const { simulatedSeconds, requests } = replay({ kind: 'closed', clients: 1 });
    expect(requests.completed).toBe(5);
    // The second conversation starts when the first has ended.
    expect(simulatedSeconds).toBeCloseTo(0.52 + 1 + 0.02 + 0.06 + 0.02 + 0.02, 1);
    expect(replay({ kind: 'closed', clients: 2 }).simulatedSeconds).toBeLessThan(simulatedSeconds);
  });

  test('conversations of a Poisson process keep their pauses', () => {
    const { sessions } = replay({ kind: 'poisson', requestsPerSecond: 100 });
    expect(sessions?.completed).toBe(2);
    expect(sessions?.duration?.p99).toBeCloseTo(replay().sessions?.duration?.p99 ?? 0, 1);
  });
});
