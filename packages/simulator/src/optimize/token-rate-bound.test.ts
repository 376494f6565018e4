import fc from 'fast-check';
import { expect, test } from 'vitest';
import { reportOf } from '../report.ts';
import { simulate } from '../simulate.ts';
import { plainReplica, simulationInput } from '../testing.test-data.ts';
import { sloVerdicts } from '../verdicts.ts';
import { offeredLoad } from './offered-load.ts';
import { replicasForTokenRate } from './token-rate-bound.ts';

const slo = { 'ttft-p99': 2, 'itl-p99': 0.03 };

test('the replicas follow from the batch that keeps the limit', () => {
  const outputs = Array.from({ length: 1000 }, () => 101);
  const load = {
    ...offeredLoad(simulationInput().workload, false),
    outputTokens: outputs,
    requestsPerSecond: 50,
  };
  // A step of 10 ms and 1 ms per sequence: 20 sequences keep 30 ms, and 21 would give 700 tokens/s.
  const steps = { stepSeconds: (sequences: number) => 0.01 + 0.001 * sequences, runningMost: 256 };
  expect(replicasForTokenRate(steps, load, { slo, requests: 100_000 })).toBe(7);
  expect(replicasForTokenRate(steps, load, { slo: { 'itl-p99': 0.03 }, requests: 100_000 })).toBe(1);
  // With a limit that no step reaches, 256 sequences give 962 tokens/s.
  expect(replicasForTokenRate(steps, load, { slo: { ...slo, 'itl-p99': 1 }, requests: 100_000 })).toBe(5);
});

test('no run with fewer replicas holds the SLO', () => {
  fc.assert(
    fc.property(
      fc.record({
        rate: fc.double({ min: 20, max: 120, noNaN: true }),
        perSequence: fc.double({ min: 1e-4, max: 5e-3, noNaN: true }),
        itl: fc.double({ min: 0.011, max: 0.05, noNaN: true }),
        seed: fc.nat(1000),
      }),
      ({ rate, perSequence, itl, seed }) => {
        const limits = { ...slo, 'itl-p99': itl };
        const input = simulationInput({
          replica: {
            ...plainReplica,
            stepSeconds: (rows) => 0.01 + rows.reduce((sum, { count }) => sum + count, 0) * perSequence,
          },
          load: {
            arrivals: { kind: 'poisson', requestsPerSecond: rate },
            requests: 300,
            prompt: { kind: 'fixed', value: 1 },
            output: { kind: 'uniform', min: 5, max: 40 },
            seed,
          },
        });
        const load = offeredLoad(input.workload, false);
        const steps = {
          stepSeconds: (sequences: number) => 0.01 + sequences * perSequence,
          runningMost: input.replica.serving.runningMax,
        };
        const least = replicasForTokenRate(steps, load, { slo: limits, requests: 300 });
        fc.pre(least > 1);
        const run = { ...input, replicaCount: least - 1 };
        const report = reportOf(run, simulate(run));
        expect(report.stable && sloVerdicts(report, { slo: limits }).every(({ holds }) => holds)).toBe(false);
      },
    ),
    { numRuns: 25, seed: Number(process.env.PLIMSOLL_SEED ?? 5) },
  );
});
