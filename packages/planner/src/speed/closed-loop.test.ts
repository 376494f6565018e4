import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Load, loadPoint, splitPoint } from './closed-loop.ts';
import type { SpeedModel } from './speed-model.ts';

/** Decode: 10 ms per step plus 0.1 ms per user. Prefill: 5 ms per batch of prompts plus 0.05 ms per token. */
const speed: SpeedModel = {
  assumptions: {
    ...{ computeEfficiency: 1, bandwidthEfficiency: 1, layerSeconds: 0, collectiveSeconds: 0 },
    hostBandwidthBytesPerSecond: 1,
  },
  decodeSeconds: (users) => 0.01 + 1e-4 * users,
  decodeBound: () => 'memory',
  stepSeconds: (entries) => 0.01 + 1e-4 * entries.length,
  groupedStepSeconds: (groups) => 0.01 + 1e-4 * groups.flat().length,
  pipeline: { stageShares: [1], hopSeconds: () => 0 },
  prefillSeconds: (prompt, cached = 0, prompts = 1) => 0.005 + 5e-5 * (prompt - cached) * prompts,
};
const base: Load = {
  ...{ inputTokens: 1000, outputTokens: 101, concurrency: 1, activeMax: 100, batchTokens: 8192 },
  ...{ pipeline: 1, groups: 1, lengthSpread: 0, requestSeconds: 0 },
};

describe('closed loop', () => {
  test('one client gets the latencies of an idle replica', () => {
    const point = loadPoint(speed, base);
    expect(point.ttftSeconds).toBeCloseTo(0.055, 10);
    expect(point.tpotSeconds).toBeCloseTo(0.0101, 10);
    expect(point.requestsPerSecond).toBeCloseTo(1 / (0.055 + 100 * 0.0101), 10);
  });

  test('of ten equal requests sent together, the mean request waits for half of the prefills', () => {
    const point = loadPoint(speed, { ...base, concurrency: 10 });
    // Eight prompts fit a step of 8192 tokens: (5 + 8 x 50) / 8 ms each.
    const prefill = 0.405 / 8;
    expect(point.ttftSeconds).toBeCloseTo(5.5 * prefill, 10);
    const round = 10 * prefill + 100 * 0.011;
    expect(point.outputTokensPerSecond).toBeCloseTo((10 * 101) / round, 8);
    expect(point.tpotSeconds).toBeCloseTo((round - 5.5 * prefill) / 100, 10);
  });

  test('clients beyond activeMax wait, and throughput stays the same', () => {
    const full = loadPoint(speed, { ...base, concurrency: 100 });
    const over = loadPoint(speed, { ...base, concurrency: 300 });
    expect(over.outputTokensPerSecond).toBe(full.outputTokensPerSecond);
    expect(over.ttftSeconds - full.ttftSeconds).toBeCloseTo(200 / full.requestsPerSecond, 8);
  });

  test("Little's law: clients = rate x time of a request, for any load", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 2, max: 5000 }),
        fc.integer({ min: 1, max: 512 }),
        (concurrency, inputTokens, outputTokens, activeMax) => {
          const point = loadPoint(speed, { ...base, concurrency, inputTokens, outputTokens, activeMax });
          const seconds = point.ttftSeconds + (outputTokens - 1) * point.tpotSeconds;
          expect(point.requestsPerSecond * seconds).toBeGreaterThanOrEqual(concurrency * 0.999);
          expect(point.tpotSeconds).toBeGreaterThanOrEqual(speed.decodeSeconds(point.active, 1) * 0.999);
        },
      ),
    );
  });
});

describe('separate workers for prefill and decode', () => {
  const split = {
    ...{ inputTokens: 1000, outputTokens: 101, activeMax: 100, batchTokens: 8192, prefillGroups: 1 },
    ...{ lengthSpread: 1, requestSeconds: 0 },
  };

  test('one client gets one prefill, then decode steps of one user', () => {
    const point = splitPoint(speed, speed, { ...split, concurrency: 1, prefillWorkers: 1, decodeWorkers: 1 });
    expect(point.ttftSeconds).toBeCloseTo(0.055, 10);
    expect(point.tpotSeconds).toBeCloseTo(0.0101, 10);
  });

  test('too few prefill workers raise time to first token, not time per token', () => {
    const starved = splitPoint(speed, speed, {
      ...split,
      concurrency: 256,
      prefillWorkers: 1,
      decodeWorkers: 4,
    });
    const fed = splitPoint(speed, speed, {
      ...split,
      concurrency: 256,
      prefillWorkers: 16,
      decodeWorkers: 4,
    });
    expect(fed.requestsPerSecond / starved.requestsPerSecond).toBeGreaterThan(5);
    expect(starved.ttftSeconds / fed.ttftSeconds).toBeGreaterThan(5);
    expect(starved.tpotSeconds).toBeLessThan(fed.tpotSeconds);
  });
});
