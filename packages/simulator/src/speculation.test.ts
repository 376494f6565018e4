/** Speculative decoding in a run: tokens, times and draws, against plain runs and the closed form. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReplicaModel } from './replica.ts';
import type { ReplicaLayout } from './replica-layout.ts';
import { reportOf, type SimulationReport } from './report.ts';
import { type SimulationInput, simulate } from './simulate.ts';
import { draftPasses } from './speculation.ts';
import { plainReplica, simulationInput, smallServing } from './testing.test-data.ts';

function drafting(draftTokens: number, acceptance: readonly number[], draftSeconds = 0): ReplicaModel {
  return { ...plainReplica, speculation: { draftTokens, acceptance, draftSeconds: () => draftSeconds } };
}

function run(input: SimulationInput): SimulationReport {
  return reportOf(input, simulate(input));
}

const oneClient = {
  arrivals: { kind: 'closed', clients: 1, thinkSeconds: { kind: 'fixed', value: 0 } },
  requests: 1,
  prompt: { kind: 'fixed', value: 100 },
  output: { kind: 'fixed', value: 21 },
} as const;

test('every draft accepted: five tokens a step, and the drafts add their time', () => {
  const input = simulationInput({ replica: drafting(4, [1], 0.002), load: oneClient });
  const { batch, itl, speculation, tokenGap } = run(input);
  // One step for the prompt, then 20 tokens in steps of 5 rows.
  expect(batch.steps).toBe(1 + 4);
  const step = 0.01 + 5e-4 + 0.002;
  expect(itl?.mean).toBeCloseTo((4 * step) / 20, 12);
  expect(speculation).toMatchObject({ draftTokens: 4, acceptanceLength: 5, acceptedShare: 1 });
  expect(speculation?.speedRatio).toBeCloseTo((5 * 0.0101) / step, 12);
  expect(tokenGap?.p50).toBe(0);
});

describe('no draft accepted', () => {
  test('the tokens of the plain run, later by the drafts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 1, max: 6 }), (seed, drafts) => {
        const load = { seed, requests: 60 };
        const plain = run(simulationInput({ load }));
        const report = run(simulationInput({ load, replica: drafting(drafts, [0]) }));
        expect(report.requests).toEqual(plain.requests);
        expect(report.batch.steps).toBeGreaterThan(0);
        const tokens = ({ throughput, simulatedSeconds }: SimulationReport): number =>
          Math.round(throughput.totalTokensPerSecond * simulatedSeconds);
        expect(tokens(report)).toBe(tokens(plain));
        expect(report.speculation).toMatchObject({ acceptanceLength: 1, acceptedShare: 0 });
        expect(report.speculation?.speedRatio).toBeLessThan(1);
        expect(report.simulatedSeconds).toBeGreaterThanOrEqual(plain.simulatedSeconds);
      }),
      { numRuns: 15 },
    );
  });

  test('drafts without cost give the figures of the plain run to the bit', () => {
    const free: ReplicaModel = { ...plainReplica, stepSeconds: (rows) => 0.01 + 1e-5 * rows.length };
    const replica = { ...free, speculation: drafting(3, [0]).speculation };
    const { speculation, ...report } = run(simulationInput({ replica }));
    const plain = run(simulationInput({ replica: free, skipsQuietSteps: false }));
    expect(speculation?.speedRatio).toBe(1);
    // Blocks of rejected drafts return within the step.
    const { occupancyMean } = report.kvCache;
    expect(occupancyMean / plain.kvCache.occupancyMean).toBeCloseTo(1, 4);
    const kvCache = { ...plain.kvCache, occupancyMean };
    expect({ ...report, speculation: null }).toEqual({ ...plain, kvCache });
  });
});

test('tokens of a step follow the closed form of independent positions', () => {
  const acceptance = [0.8, 0.6, 0.5];
  const load = { requests: 300, output: { kind: 'fixed', value: 400 } } as const;
  const { speculation, requests } = run(simulationInput({ replica: drafting(3, acceptance), load }));
  expect(requests.completed).toBe(300);
  // 1 + a1 + a1 a2 + a1 a2 a3; the last steps of a request have fewer drafts.
  const expected = 1 + 0.8 + 0.8 * 0.6 + 0.8 * 0.6 * 0.5;
  expect((speculation?.acceptanceLength ?? 0) / expected).toBeCloseTo(1, 1);
  expect(speculation?.acceptedShare).toBeCloseTo((expected - 1) / 3, 1);
});

test('every request gets its tokens, blocks come back, and equal seeds give equal bytes', () => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.integer({ min: 0, max: 1e6 }),
        drafts: fc.integer({ min: 1, max: 8 }),
        acceptance: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 }),
        blockCount: fc.integer({ min: 40, max: 400 }),
        dataGroups: fc.integer({ min: 1, max: 2 }),
      }),
      ({ seed, drafts, acceptance, blockCount, dataGroups }) => {
        const model = drafting(drafts, acceptance, 0.001);
        const layout: ReplicaLayout = {
          ...{ dataGroups, stageShares: [1], hopSeconds: () => 0 },
          stepSeconds: (groups) => Math.max(...groups.map(plainReplica.stepSeconds)),
        };
        const groups = [{ name: 'full', blockCount, window: null }];
        const serving = { ...smallServing, groups, prefixCaching: true, contextMax: 640 };
        const replica = { ...model, serving, layout: dataGroups === 1 ? undefined : layout };
        const input = simulationInput({ replica, load: { seed, requests: 50 } });
        const outcome = simulate(input);
        const report = reportOf(input, outcome);
        expect(report.requests.completed + report.requests.refused).toBe(50);
        for (const { scheduler } of outcome.replicas) {
          expect(scheduler.occupancy.every(({ owned }) => owned === 0)).toBe(true);
          expect(scheduler.metrics.outputTokens).toBeGreaterThan(0);
          scheduler.checkIntegrity();
        }
        expect(JSON.stringify(run(input))).toBe(JSON.stringify(report));
      },
    ),
    { numRuns: 30 },
  );
});

test('a draft model takes in the step once, and drafts the other tokens of sampling rows one by one', () => {
  const seen: string[] = [];
  const passes = draftPasses(3, (rows) => {
    seen.push(rows.map(({ kind, start, count }) => `${kind} ${start}+${count}`).join(', '));
    return 0.001 * rows.length;
  });
  const rows = [
    { kind: 'decode', start: 50, count: 4, sampledRows: 4 },
    { kind: 'prefill', start: 0, count: 512, sampledRows: 0 },
  ] as const;
  expect(passes(rows)).toBeCloseTo(0.002 + 2 * 0.001, 12);
  expect(seen).toEqual(['decode 50+4, prefill 0+512', 'decode 54+1']);
});
