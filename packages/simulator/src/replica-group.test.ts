/** Replicas of several schedulers: pipelines and data groups, against times that a test computes by hand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReplicaModel } from './replica.ts';
import type { ReplicaLayout } from './replica-layout.ts';
import { reportOf, type SimulationReport } from './report.ts';
import { type SimulationInput, type SimulationOutcome, simulate } from './simulate.ts';
import { plainReplica, simulationInput, smallServing } from './testing.test-data.ts';

/** Steps of 10 ms and 0.1 ms per token of the largest group, as those of `plainReplica`. */
const stepSeconds: ReplicaLayout['stepSeconds'] = (groups) =>
  Math.max(...groups.map(plainReplica.stepSeconds));

function layoutOf(options: Partial<ReplicaLayout>): ReplicaModel {
  const layout = { dataGroups: 1, stageShares: [1], hopSeconds: () => 0, stepSeconds, ...options };
  return { ...plainReplica, layout };
}

function closed(clients: number, requests: number, lengths: readonly [prompt: number, output: number]) {
  return {
    arrivals: { kind: 'closed', clients, thinkSeconds: { kind: 'fixed', value: 0 } },
    requests,
    prompt: { kind: 'fixed', value: lengths[0] },
    output: { kind: 'fixed', value: lengths[1] },
  } as const;
}

function run(input: SimulationInput): { report: SimulationReport; outcome: SimulationOutcome } {
  const outcome = simulate(input);
  return { report: reportOf(input, outcome), outcome };
}

const anyLoad = fc.record({
  seed: fc.integer({ min: 0, max: 1e6 }),
  rate: fc.double({ min: 0.5, max: 20, noNaN: true }),
});

test('one stage and one data group give the figures of a plain replica', () => {
  fc.assert(
    fc.property(anyLoad, ({ seed, rate }) => {
      const load = { seed, requests: 60, arrivals: { kind: 'poisson', requestsPerSecond: rate } } as const;
      const plain = run(simulationInput({ load, skipsQuietSteps: false })).report;
      const { report } = run(simulationInput({ load, replica: layoutOf({}), skipsQuietSteps: false }));
      expect({ ...report, layout: null }).toEqual(plain);
    }),
    { numRuns: 20 },
  );
});

describe('a pipeline', () => {
  const halves = layoutOf({ stageShares: [0.5, 0.5], hopSeconds: () => 0.001 });

  test('a lone request passes both stages and the hop; chunks of its prompt follow each other at once', () => {
    const { report } = run(simulationInput({ replica: halves, load: closed(1, 1, [1024, 3]) }));
    // Chunks of 512 tokens take 61.2 ms, half of it in each stage; the second waits for the first in stage 0 alone.
    expect(report.ttft?.mean).toBeCloseTo(0.0306 * 3 + 0.001, 12);
    expect(report.itl?.mean).toBeCloseTo(0.0101 + 0.001, 12);
  });

  test('two micro-batches fill two stages: a stage is idle for the hop alone', () => {
    const even = layoutOf({ stageShares: [0.5, 0.5] });
    const { report, outcome } = run(simulationInput({ replica: even, load: closed(2, 2, [1, 200]) }));
    // Each micro-batch computes one request, and both give a token in every step.
    expect(report.itl?.mean).toBeCloseTo(0.0101, 4);
    expect(outcome.replicas.map(({ scheduler }) => scheduler.metrics.finished)).toEqual([1, 1]);
    expect(report.layout?.bubbleShare).toBeLessThan(0.01);
  });

  test('an uneven pipeline is as slow as its longest stage', () => {
    const uneven = layoutOf({ stageShares: [0.75, 0.25] });
    const { report } = run(simulationInput({ replica: uneven, load: closed(2, 2, [1, 200]) }));
    expect(report.itl?.mean).toBeCloseTo(2 * 0.75 * 0.0101, 4);
    expect(report.layout?.bubbleShare).toBeCloseTo(1 / 3, 2);
  });
});

describe('data groups', () => {
  const groups = layoutOf({ dataGroups: 4 });

  test('a lone request makes the other groups compute dummy steps', () => {
    const { report } = run(simulationInput({ replica: groups, load: closed(1, 1, [100, 5]) }));
    expect(report.batch.steps).toBe(5);
    expect(report.layout).toEqual({ stages: 1, dataGroups: 4, dummySteps: 15, bubbleShare: 0 });
    expect(report.itl?.mean).toBeCloseTo(0.0101, 12);
  });

  test('all groups end a step together, with the slowest', () => {
    const load = { ...closed(4, 4, [1, 50]), prompt: { kind: 'empirical', values: [1, 400] } } as const;
    const { outcome } = run(simulationInput({ replica: groups, load, traces: true }));
    const ends = new Map<number, Set<number>>();
    for (const { start, end } of outcome.collector.traced) {
      ends.set(start, (ends.get(start) ?? new Set()).add(end));
    }
    expect([...ends.values()].every((set) => set.size === 1)).toBe(true);
  });
});

test('every layout serves every request, and no stage works more than its time', () => {
  fc.assert(
    fc.property(
      anyLoad,
      fc.constantFrom<readonly number[]>([1], [0.5, 0.5], [0.2, 0.5, 0.3]),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      ({ seed, rate }, stageShares, dataGroups, prefixCaching) => {
        const replica = {
          ...layoutOf({ stageShares, dataGroups, hopSeconds: (tokens) => tokens * 1e-6 }),
          serving: { ...smallServing, prefixCaching },
        };
        const load = {
          ...{ seed, requests: 80, prefix: { tokens: 40, groups: 3 } },
          arrivals: { kind: 'gamma', requestsPerSecond: rate, burstiness: 2 },
        } as const;
        const input = simulationInput({ replica, replicaCount: 2, router: 'least-loaded', load });
        const { report, outcome } = run(input);
        expect(report.requests).toMatchObject({ completed: 80, censored: 0, refused: 0 });
        expect(report.layout?.bubbleShare).toBeGreaterThanOrEqual(-1e-9);
        expect(report.layout?.bubbleShare).toBeLessThanOrEqual(1);
        for (const { scheduler, outstanding } of outcome.replicas) {
          expect(outstanding).toBe(0);
          scheduler.checkIntegrity();
        }
        expect(JSON.stringify(run(input).report)).toBe(JSON.stringify(report));
      },
    ),
    { numRuns: 25 },
  );
});
