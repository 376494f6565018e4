/** The host tier of the prefix cache, against loads that a test computes by hand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { KvLink } from '../disaggregation/kv-link.ts';
import type { ReplicaModel } from '../replica.ts';
import { reportOf, type SimulationReport } from '../report.ts';
import { type SimulationInput, type SimulationOutcome, simulate } from '../simulate.ts';
import { plainReplica, simulationInput, smallServing } from '../testing.test-data.ts';

/** 1,000 bytes per token at 10 MB/s: 0.1 ms per token, as long as a token adds to a step. */
const link: KvLink = {
  latencySeconds: 0.002,
  bytesPerSecond: 1e7,
  promptBytes: (tokens) => 1000 * Math.max(0, tokens - 1),
};

function hosted(blockCount: number, hostBlockCount: number, loads = () => true): ReplicaModel {
  const groups = [{ name: 'full', blockCount, window: null, hostBlockCount }];
  const serving = { ...smallServing, groups, prefixCaching: true, hostCache: { loads } };
  return { ...plainReplica, serving, hostLink: link };
}

function bare(blockCount: number): ReplicaModel {
  const groups = [{ name: 'full', blockCount, window: null }];
  return { ...plainReplica, serving: { ...smallServing, groups, prefixCaching: true } };
}

function run(input: SimulationInput): { report: SimulationReport; outcome: SimulationOutcome } {
  const outcome = simulate(input);
  return { report: reportOf(input, outcome), outcome };
}

/** Prompts of 640 tokens that take turns between `groups` contents; a request needs 41 blocks. */
function turns(order: readonly number[]) {
  const rows = order.map((content, index) => ({
    atSeconds: index,
    prompt: { length: 650, hashIds: [content], tokensPerId: 640 },
    outputTokens: 3,
  }));
  const lengths = { kind: 'fixed', value: 650 } as const;
  const output = { kind: 'fixed', value: 3 } as const;
  return { arrivals: { kind: 'trace', rows }, requests: rows.length, prompt: lengths, output } as const;
}

describe('two contents in a pool for one', () => {
  test('the second visit of a content loads its 40 blocks from the host', () => {
    const { report, outcome } = run(simulationInput({ replica: hosted(41, 100), load: turns([1, 2, 1]) }));
    expect(report.hostCache).toMatchObject({ blocks: 100, deviceHitTokens: 0, hostHitTokens: 640 });
    expect(report.hostCache?.hostHitShare).toBeCloseTo(640 / 1950, 12);
    const loadSeconds = 0.002 + 640e3 / 1e7;
    expect(report.hostCache?.load?.p50).toBeCloseTo(loadSeconds, 6);
    expect(report.hostCache?.loadedBytes).toBeCloseTo(640e3, 0);
    // The first two compute chunks of 512 and 138 tokens; the last one computes 10 tokens after the load.
    const computed = 0.02 + 0.065;
    expect(report.ttft?.mean).toBeCloseTo((2 * computed + loadSeconds + 0.011) / 3, 6);
    for (const { scheduler } of outcome.replicas) scheduler.checkIntegrity();
  });

  test('a rule against loads, and a host of few blocks, compute the tokens again', () => {
    const never = run(simulationInput({ replica: hosted(41, 100, () => false), load: turns([1, 2, 1]) }));
    expect(never.report.hostCache).toMatchObject({ hostHitTokens: 0, load: null });
    // Twenty blocks: content 2 pushes content 1 out before its second visit.
    const few = run(simulationInput({ replica: hosted(41, 20), load: turns([1, 2, 3, 1]) }));
    expect(few.report.hostCache?.hostHitTokens).toBe(0);
  });

  test('what the device has is not loaded', () => {
    const { report } = run(simulationInput({ replica: hosted(41, 100), load: turns([1, 1]) }));
    expect(report.hostCache).toMatchObject({ deviceHitTokens: 640, hostHitTokens: 0 });
  });
});

interface AskedLoad {
  readonly seed: number;
  readonly rate: number;
  readonly hostBlocks: number;
  readonly fails: boolean;
}

const anyLoad: fc.Arbitrary<AskedLoad> = fc.record({
  seed: fc.integer({ min: 0, max: 1e6 }),
  rate: fc.double({ min: 0.5, max: 12, noNaN: true }),
  hostBlocks: fc.integer({ min: 1, max: 400 }),
  fails: fc.boolean(),
});

function sessions({ seed, rate, hostBlocks, fails }: AskedLoad): SimulationInput {
  return simulationInput({
    replica: hosted(120, hostBlocks),
    replicaCount: 2,
    router: 'prefix-aware',
    ...(fails && {
      failures: { meanSeconds: 5, listed: [], restartSeconds: 1, requests: 'retry' as const },
    }),
    load: {
      seed,
      requests: 60,
      prompt: { kind: 'uniform', min: 50, max: 400 },
      output: { kind: 'uniform', min: 5, max: 60 },
      arrivals: { kind: 'poisson', requestsPerSecond: rate },
      session: {
        turns: { kind: 'uniform', min: 2, max: 5 },
        prompt: { kind: 'uniform', min: 10, max: 100 },
        thinkSeconds: { kind: 'fixed', value: 0.5 },
        tools: null,
        contextMax: 1500,
      },
    },
  });
}

test('every request ends, blocks add up, and stretches of steps give the figures of single steps', () => {
  let loaded = 0;
  fc.assert(
    fc.property(anyLoad, (asked) => {
      const input = sessions(asked);
      const { report, outcome } = run(input);
      loaded += report.hostCache?.hostHitTokens ?? 0;
      expect(report.requests).toMatchObject({ completed: 60, censored: 0, refused: 0 });
      for (const { scheduler } of outcome.replicas) {
        scheduler.checkIntegrity();
        expect(scheduler.liveCount).toBe(0);
      }
      const { batch, kvCache, tokenGap, ...figures } = run({ ...input, skipsQuietSteps: false }).report;
      expect(report).toMatchObject(figures);
      expect(report.batch.steps).toBe(batch.steps);
      expect(report.kvCache.prefixHitShare).toBe(kvCache.prefixHitShare);
      expect(report.tokenGap?.p99).toBe(tokenGap?.p99);
    }),
    { numRuns: 20 },
  );
  expect(loaded).toBeGreaterThan(0);
});

test('a host without a load gives the report of a replica without a host', () => {
  const load = { ...turns([1, 2, 1, 3, 2]) };
  const { hostCache, ...report } = run(
    simulationInput({ replica: hosted(41, 100, () => false), load }),
  ).report;
  expect(JSON.stringify(report)).toBe(
    JSON.stringify(run(simulationInput({ replica: bare(41), load })).report),
  );
});
