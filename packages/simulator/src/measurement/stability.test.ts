import { type Random, seededRandom } from '@plimsoll/foundation/random';
import { describe, expect, test } from 'vitest';
import { Backlog } from './stability.ts';

/** Customers of M/M/1 that an arrival finds, itself included, from an empty system on. */
function queueAt(load: number, arrivals: number, random: Random): Backlog {
  const backlog = new Backlog();
  let [inSystem, serverLeft] = [0, 0];
  const exponential = (mean: number): number => -mean * Math.log(1 - random());
  for (let arrival = 0; arrival < arrivals; arrival++) {
    let gap = exponential(1 / load);
    while (inSystem > 0 && serverLeft <= gap) {
      gap -= serverLeft;
      inSystem--;
      serverLeft = inSystem > 0 ? exponential(1) : 0;
    }
    if (inSystem > 0) serverLeft -= gap;
    else serverLeft = exponential(1);
    inSystem++;
    backlog.add(inSystem - 1, Math.min(1, inSystem));
  }
  return backlog;
}

/** Runs of 20 seeds that are called unstable. */
function unstableOf(load: number, arrivals: number): number {
  const seeds = Array.from({ length: 20 }, (_, seed) => seed);
  return seeds.filter((seed) => queueAt(load, arrivals, seededRandom(seed)).growth() !== null).length;
}

describe('M/M/1 around a load of 1', () => {
  test.each([
    [0.5, 1000],
    [0.8, 3000],
    [0.95, 1000],
    [0.95, 10_000],
    [0.95, 50_000],
  ])('load %f, %i arrivals: hardly a run is called unstable', (load, arrivals) => {
    expect(unstableOf(load, arrivals)).toBeLessThanOrEqual(1);
  });

  test.each([
    [1.02, 150_000],
    [1.1, 10_000],
    [1.5, 1000],
    [3, 200],
  ])('load %f, %i arrivals: nearly every run is', (load, arrivals) => {
    expect(unstableOf(load, arrivals)).toBeGreaterThanOrEqual(18);
  });
});

test('few running requests and a slowly growing queue are unstable', () => {
  const backlog = new Backlog();
  // A replica whose cache holds 6 long prompts; of 40 arrivals, it serves 39.
  for (let arrival = 0; arrival < 400; arrival++) backlog.add(1 + arrival / 40 + (arrival % 3), 6);
  expect(backlog.growth()).toMatchInlineSnapshot(
    `"the queue grows with time: 5 requests wait after a third of the arrivals, 12 at the last"`,
  );
});

test('a queue that is short beside the running requests is no reason', () => {
  const backlog = new Backlog();
  for (let arrival = 0; arrival < 400; arrival++) backlog.add(1 + arrival / 40, 200);
  expect(backlog.growth()).toBeNull();
});

test('a burst that has passed is no reason, and neither are few arrivals', () => {
  const burst = new Backlog();
  for (let arrival = 0; arrival < 1000; arrival++)
    burst.add(arrival < 500 ? arrival : Math.max(0, 1000 - 2 * arrival + 500), 4);
  expect(burst.growth()).toBeNull();
  const few = new Backlog();
  for (let arrival = 0; arrival < 99; arrival++) few.add(arrival, 4);
  expect(few.growth()).toBeNull();
});
