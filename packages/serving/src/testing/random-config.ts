/** Random configurations of a scheduler, small enough that blocks run out. For tests. */
import { assert } from '@plimsoll/foundation';
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import { policies, type ServingConfig } from '../index.ts';

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[randomInteger(random, 0, items.length)];
  assert(item !== undefined, 'nothing to pick from');
  return item;
}

export function randomConfig(random: Random): ServingConfig {
  const blockSize = pick(random, [1, 2, 4, 8]);
  const blockCount = randomInteger(random, 64 / blockSize, 100 / blockSize);
  const hostBlockCount = pick(random, [0, blockCount, blockCount]);
  const full = { name: 'full', blockCount, window: null, hostBlockCount };
  const sliding = { name: 'sliding', blockCount, window: randomInteger(random, 1, 20), hostBlockCount };
  const stateful = random() < 0.25;
  const runningMax = randomInteger(random, 1, 9);
  const tokenBudget = runningMax + randomInteger(random, 0, 24);
  return {
    blockSize,
    groups:
      stateful && random() < 0.3 ? [] : pick(random, [[full], [sliding], [full, sliding], [sliding, full]]),
    ...(stateful && { stateSlots: { count: randomInteger(random, 1, 6), hostCount: pick(random, [0, 3]) } }),
    contextMax: 60,
    runningMax,
    tokenBudget,
    prefillChunkMax: randomInteger(random, 1, Math.min(tokenBudget, 16) + 1),
    prefixCaching: random() < 0.85,
    admissionReserve: pick(random, [0, 0.1]),
    skipHeadMax: pick(random, [0, 0, 3]),
    admission: pick(random, ['prompt', 'expected-output', 'first-chunk', 'sequence']),
    order: pick(random, ['decode-first', 'decode-first', 'prefill-first', 'arrival']),
    heldShare: pick(random, [0.25, 0]),
    evictionSpread: pick(random, [0, 1]),
    ...(random() < 0.3 && { waitingMax: randomInteger(random, 1, 6) }),
    ...(random() < 0.3 && { queueSecondsMax: 1 + 20 * random() }),
    policy: {
      ...pick(random, [policies.fcfs, policies.priority, policies.shortestFirst, policies.fairShare]),
      preemption: pick(random, ['recompute', 'spill', 'spill']),
    },
  };
}
