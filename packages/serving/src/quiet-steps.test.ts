/** Quiet steps against the same steps planned one by one: equal blocks, equal counters, equal sequences. */
import { assert, seconds } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { expect, test } from 'vitest';
import { policies, Scheduler, type ServingConfig, type ServingRequest } from './index.ts';

const runSeed = Number(process.env.PLIMSOLL_SEED ?? 0);

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[randomInteger(random, 0, items.length)];
  assert(item !== undefined, 'nothing to pick from');
  return item;
}

function randomConfig(random: Random): ServingConfig {
  const blockSize = pick(random, [1, 4, 16]);
  const blockCount = Math.ceil(randomInteger(random, 100, 400) / blockSize) + 1;
  const full = { name: 'full', blockCount, window: null };
  const sliding = { name: 'sliding', blockCount, window: randomInteger(random, 1, 40) };
  const runningMax = randomInteger(random, 1, 9);
  return {
    blockSize,
    groups: pick(random, [[full], [full], [full, sliding], [sliding]]),
    contextMax: 90,
    runningMax,
    tokenBudget: runningMax + randomInteger(random, 4, 40),
    prefixCaching: random() < 0.5,
    order: pick(random, ['decode-first', 'prefill-first', 'arrival']),
    admission: pick(random, ['first-chunk', 'prompt', 'expected-output', 'sequence']),
    admissionReserve: pick(random, [0, 0.1]),
    heldShare: pick(random, [0, 0.25]),
    evictionSpread: pick(random, [0, 0.5]),
    skipHeadMax: pick(random, [0, 2]),
    policy: pick(random, [policies.fcfs, policies.priority, policies.shortestFirst, policies.fairShare]),
  };
}

function randomRequest(random: Random): ServingRequest {
  const length = randomInteger(random, 1, 50);
  const prompt = { length, hashIds: [randomInteger(random, 0, 3)], tokensPerId: Math.min(length, 16) };
  return { prompt, outputTokensMax: randomInteger(random, 1, 40), priority: randomInteger(random, 0, 3) };
}

/** All that a caller can see. */
function stateOf(scheduler: Scheduler): unknown {
  return {
    metrics: scheduler.metrics,
    occupancy: scheduler.occupancy,
    waiting: scheduler.waitingCount,
    blocks: scheduler.config.groups.map((_, group) => scheduler.blocks(group)),
    running: [...scheduler.running].map((sequence) => ({
      id: sequence.id,
      length: sequence.length,
      computedTokens: sequence.computedTokens,
      lastTokenAt: sequence.lastTokenAt,
      firstTokenAt: sequence.firstTokenAt,
      tables: sequence.tables.map(({ firstIndex, blocks }) => [firstIndex, ...blocks]),
    })),
  };
}

/** Runs one history in both ways and returns the number of steps that were jumped over. */
function compare(seed: number): number {
  const random = seededRandom(seed);
  const config = randomConfig(random);
  const [planned, jumping] = [new Scheduler(config), new Scheduler(config)];
  let jumped = 0;
  let step = 0;
  const planOne = (scheduler: Scheduler, now: number): number => {
    const plan = scheduler.step(seconds(now));
    scheduler.commitCounted(seconds(now + 1));
    return (
      plan.admitted.length +
      plan.preempted.length +
      plan.entries.filter(({ kind }) => kind !== 'decode').length
    );
  };
  for (let event = 0; event < 60; event++) {
    for (let count = pick(random, [0, 0, 1, 3]); count > 0; count--) {
      const request = randomRequest(random);
      for (const scheduler of [planned, jumping]) scheduler.submit(request, seconds(step));
    }
    const until = step + randomInteger(random, 1, 12);
    while (step < until && !jumping.isIdle) {
      const quiet = Math.min(jumping.quietSteps(), until - step);
      const count = quiet > 0 ? randomInteger(random, 1, quiet + 1) : 0;
      if (count === 0) {
        for (const scheduler of [planned, jumping]) planOne(scheduler, step);
        step++;
      } else {
        for (let done = 0; done < count; done++) {
          assert(planOne(planned, step + done) === 0, `seed ${seed}: step ${step + done} was no quiet one`);
        }
        jumping.advance(count, seconds(step + count));
        step += count;
        jumped += count;
      }
      jumping.checkIntegrity();
      expect(stateOf(jumping), `seed ${seed}, step ${step}`).toEqual(stateOf(planned));
    }
  }
  return jumped;
}

test('quiet steps equal planned steps', () => {
  let jumped = 0;
  for (let seed = 0; seed < 40; seed++) jumped += compare(seed);
  for (let seed = 0; seed < 10; seed++) jumped += compare((runSeed + seed) % 2 ** 31);
  expect(jumped).toBeGreaterThan(1000);
});

test('a stretch ends before the first end of a sequence, and before blocks run out', () => {
  const scheduler = new Scheduler({
    blockSize: 4,
    groups: [{ name: 'full', blockCount: 8, window: null }],
    contextMax: 100,
    runningMax: 2,
    tokenBudget: 16,
    admission: 'prompt',
    admissionReserve: 0,
    policy: policies.fcfs,
  });
  scheduler.submit({ prompt: { length: 8 }, outputTokensMax: 20 }, seconds(0));
  scheduler.submit({ prompt: { length: 7 }, outputTokensMax: 20 }, seconds(0));
  expect(scheduler.quietSteps()).toBe(0);
  scheduler.step(seconds(0));
  scheduler.commitCounted(seconds(0));
  // 9 and 8 known tokens. Of 8 blocks, 4 are left: the first needs blocks at 9, 13, 17, the second at 9, 13, 17.
  expect(scheduler.quietSteps()).toBe(8);
  scheduler.advance(8, seconds(1));
  expect(scheduler.quietSteps()).toBe(0);
  expect(scheduler.occupancy[0]).toMatchObject({ free: 0, owned: 8 });
  // With a sequence in the queue and a free place nothing is quiet.
  scheduler.checkIntegrity();
});
