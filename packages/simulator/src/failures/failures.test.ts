/** Failures and restarts, against times that a test computes by hand and the availability of a renewal process. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReplicaModel } from '../replica.ts';
import { reportOf, type SimulationReport } from '../report.ts';
import { routerNames } from '../routers.ts';
import { type SimulationInput, type SimulationOutcome, simulate } from '../simulate.ts';
import { plainReplica, simulationInput, smallServing } from '../testing.test-data.ts';
import type { FailureModel } from './failures.ts';
import { lostRequestRules } from './lost-request-rules.ts';

interface Run {
  readonly report: SimulationReport;
  readonly outcome: SimulationOutcome;
}

function run(input: SimulationInput): Run {
  const outcome = simulate(input);
  return { report: reportOf(input, outcome), outcome };
}

function failing(options: Partial<FailureModel>): FailureModel {
  return { meanSeconds: null, listed: [], restartSeconds: 1, requests: 'retry', ...options };
}

const groups = [{ name: 'full', blockCount: 512, window: null }];
const cached: ReplicaModel = { ...plainReplica, serving: { ...smallServing, groups, prefixCaching: true } };
const lone = {
  arrivals: { kind: 'closed', clients: 1, thinkSeconds: { kind: 'fixed', value: 0 } },
  requests: 1,
  prompt: { kind: 'fixed', value: 700 },
  output: { kind: 'fixed', value: 30 },
} as const;
/** Chunks of 512 and 188 tokens; then steps of one token. */
const prefill = 0.01 + 0.0512 + 0.01 + 0.0188;
const decode = 0.0101;

describe('one request', () => {
  test('is computed again from its prompt after the restart', () => {
    const listed = [{ replica: 0, atSeconds: 0.2 }];
    const { report } = run(simulationInput({ failures: failing({ listed }), load: lone }));
    expect(report.ttft?.mean).toBeCloseTo(0.2 + 1 + prefill, 12);
    expect(report.e2e?.mean).toBeCloseTo(0.2 + 1 + prefill + 29 * decode, 12);
    expect(report.failures).toMatchObject({ failures: 1, retried: 1, retries: 1, failed: 0, downSeconds: 1 });
    // Eleven tokens are out after the prefill and ten steps; the eleventh step is in flight, and its token is lost.
    expect(report.failures?.lostTokens).toBe(700 + 10);
  });

  test('goes to the other replica at once', () => {
    const listed = [{ replica: 0, atSeconds: 0.2 }];
    const input = simulationInput({ failures: failing({ listed }), load: lone, replicaCount: 2 });
    const { report } = run(input);
    expect(report.e2e?.mean).toBeCloseTo(0.2 + prefill + 29 * decode, 12);
    expect(report.failures?.downSeconds).toBeCloseTo(prefill + 29 * decode, 12);
  });

  test('fails where the rule says so, and its client sends the next one', () => {
    const failures = failing({ listed: [{ replica: 0, atSeconds: 0.2 }], requests: 'fail' });
    const { report } = run(simulationInput({ failures, load: { ...lone, requests: 3 }, replicaCount: 2 }));
    expect(report.requests).toMatchObject({ completed: 2, censored: 0, refused: 0 });
    expect(report.failures).toMatchObject({ failures: 1, retried: 0, failed: 1 });
  });

  test('a listed failure of a replica that is down changes nothing', () => {
    const listed = [0.2, 0.4, 1.1].map((atSeconds) => ({ replica: 0, atSeconds }));
    const { report } = run(simulationInput({ failures: failing({ listed }), load: lone }));
    expect(report.failures?.failures).toBe(1);
    expect(report.e2e?.mean).toBeCloseTo(0.2 + 1 + prefill + 29 * decode, 12);
  });

  test('a failed replica has an empty cache', () => {
    const arrivals = { ...lone.arrivals, thinkSeconds: { kind: 'fixed', value: 1 } } as const;
    const load = { ...lone, arrivals, requests: 2, prefix: { tokens: 640, groups: 1 } };
    const hits = (atSeconds: number): number => {
      const failures = failing({ listed: [{ replica: 0, atSeconds }], restartSeconds: 0 });
      return run(simulationInput({ replica: cached, failures, load })).report.kvCache.prefixHitShare;
    };
    expect(hits(100)).toBeCloseTo(640 / 1400, 12);
    // Between the two requests.
    expect(hits(1)).toBe(0);
  });
});

const anyFailures = fc.record({
  meanSeconds: fc.option(fc.double({ min: 2, max: 60, noNaN: true })),
  listed: fc.array(
    fc.record({
      replica: fc.integer({ min: 0, max: 2 }),
      atSeconds: fc.double({ min: 0, max: 30, noNaN: true }),
    }),
    { maxLength: 4 },
  ),
  restartSeconds: fc.double({ min: 0, max: 20, noNaN: true }),
  requests: fc.constantFrom(...lostRequestRules),
});

const stages = {
  dataGroups: 1,
  stageShares: [0.5, 0.5],
  hopSeconds: () => 0.001,
  stepSeconds: (groups: Parameters<NonNullable<ReplicaModel['layout']>['stepSeconds']>[0]) =>
    Math.max(...groups.map(plainReplica.stepSeconds)),
};

const anyInput = fc
  .record({
    failures: anyFailures,
    seed: fc.integer({ min: 0, max: 1e6 }),
    rate: fc.double({ min: 0.5, max: 20, noNaN: true }),
    clients: fc.option(fc.integer({ min: 1, max: 12 })),
    router: fc.constantFrom(...routerNames),
    isPipeline: fc.boolean(),
    simulatedSecondsMax: fc.constantFrom(15, 86_400),
  })
  .map(({ failures, seed, rate, clients, router, isPipeline, simulatedSecondsMax }) =>
    simulationInput({
      failures,
      router,
      replicaCount: 3,
      replica: isPipeline ? { ...cached, layout: stages } : cached,
      simulatedSecondsMax,
      load: {
        seed,
        requests: 40,
        prefix: { tokens: 64, groups: 3 },
        arrivals:
          clients === null
            ? { kind: 'poisson', requestsPerSecond: rate }
            : { kind: 'closed', clients, thinkSeconds: { kind: 'fixed', value: 0.1 } },
      },
    }),
  );

test('every request completes, is censored, refused or failed; equal inputs give equal bytes', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const { report, outcome } = run(input);
      const { completed, censored, refused } = report.requests;
      const { failures } = report;
      expect(completed + censored + refused + (failures?.failed ?? 0)).toBe(40);
      expect(Math.min(completed, censored, failures?.failed ?? -1)).toBeGreaterThanOrEqual(0);
      if (input.simulatedSecondsMax > 1000) expect(censored).toBe(0);
      expect(failures?.retries).toBeGreaterThanOrEqual(failures?.retried ?? 0);
      expect(report.e2e?.mean ?? 0).toBeGreaterThanOrEqual(report.ttft?.mean ?? 0);
      expect(report.batch.busyShare).toBeLessThanOrEqual(1);
      for (const { scheduler, outstanding } of outcome.replicas) {
        scheduler.checkIntegrity();
        expect(outstanding).toBe(scheduler.liveCount);
      }
      expect(JSON.stringify(run(input).report)).toBe(JSON.stringify(report));
    }),
    { numRuns: 25 },
  );
});

test('stretches of decode steps give the figures of single steps', () => {
  fc.assert(
    fc.property(anyInput, (input) => {
      const { batch, kvCache, tokenGap, ...figures } = run({ ...input, skipsQuietSteps: false }).report;
      const jumping = run(input).report;
      expect(jumping).toMatchObject(figures);
      expect(jumping.batch.steps).toBe(batch.steps);
      expect(jumping.kvCache.prefixHitShare).toBe(kvCache.prefixHitShare);
      expect(jumping.tokenGap?.p99).toBe(tokenGap?.p99);
    }),
    { numRuns: 25 },
  );
});

test('a run whose replicas fail after its end has the figures of one without failures', () => {
  const { failures, ...late } = run(
    simulationInput({ failures: failing({ listed: [{ replica: 0, atSeconds: 1e5 }] }) }),
  ).report;
  expect(JSON.stringify(late)).toBe(JSON.stringify(run(simulationInput()).report));
  expect(failures).toMatchObject({ failures: 0, failed: 0, downShare: 0 });
});

test('replicas are down for the share of a renewal process', () => {
  const { report } = run(
    simulationInput({
      failures: failing({ meanSeconds: 30, restartSeconds: 10 }),
      replicaCount: 8,
      load: { requests: 4000, output: { kind: 'fixed', value: 1 }, prompt: { kind: 'fixed', value: 16 } },
    }),
  );
  // 8 replicas x 2,000 s: about 400 cycles, whose share of 0.25 has a standard error of about 0.01.
  expect(report.failures?.downShare).toBeGreaterThan(0.215);
  expect(report.failures?.downShare).toBeLessThan(0.285);
  expect(report.requests.completed).toBe(4000);
});
