import { assert, seconds } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BlockPool } from './block-pool.ts';
import { EvictionQueue } from './eviction-queue.ts';
import { type BlockId, blockId } from './ids.ts';
import { policies, Scheduler, type ServingConfig } from './index.ts';
import { runToEnd } from './testing/run-steps.ts';

test('the queue gives what sorting gives, also after removals from the middle', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = seededRandom(seed);
      const queue = new EvictionQueue(40);
      let plain: { block: BlockId; key: number }[] = [];
      for (let count = 0; count < 100; count++) {
        const block = blockId(randomInteger(random, 0, 40));
        const isIn = plain.some((entry) => entry.block === block);
        if (!isIn) {
          const key = randomInteger(random, 0, 6);
          queue.push(block, key);
          // A stable sort leaves equal keys in the order in which they entered.
          plain = [...plain, { block, key }].sort((left, right) => left.key - right.key);
        } else if (random() < 0.5) {
          queue.remove(block);
          plain = plain.filter((entry) => entry.block !== block);
        } else {
          expect(queue.popFirst()).toBe(plain.shift()?.block);
        }
        queue.checkIntegrity();
        expect(queue.inOrder()).toEqual(plain.map((entry) => entry.block));
      }
    }),
    { numRuns: 15 },
  );
});

/** A tree of prompts: block `node` of a prompt continues block `parentOf(node)`. */
const parentOf = (node: number): number => Math.floor((node - 1) / 2);

/** The hashes from the root to a node. */
function chainOf(node: number): number[] {
  const own = [node + 1, node * 7, node * 13, -node];
  return node === 0 ? own : [...chainOf(parentOf(node)), ...own];
}

function useChain(pool: BlockPool, node: number): BlockId[] {
  const chain = chainOf(node);
  const blocks: BlockId[] = [];
  for (let depth = 0; depth < chain.length / 4; depth++) {
    const found = pool.find(chain, 4 * depth);
    if (found !== null) pool.share(found);
    const block = found ?? pool.allocate();
    assert(block !== null, 'the pool holds a chain');
    blocks.push(pool.publish(block, chain, depth));
  }
  return blocks;
}

test('a block is evicted after its continuations, whatever their ages', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random: Random = seededRandom(seed);
      const pool = new BlockPool(24, 1);
      for (let count = 0; count < 60; count++) {
        const chains = Array.from({ length: randomInteger(random, 1, 4) }, () =>
          useChain(pool, randomInteger(random, 0, 60)),
        );
        for (const blocks of chains) pool.releaseChain(blocks, () => 2 * random());
        for (let node = 1; node <= 60; node++) {
          const chain = chainOf(node);
          const isCached = (depth: number): boolean => pool.find(chain, 4 * depth) !== null;
          const last = chain.length / 4 - 1;
          assert(!isCached(last) || isCached(last - 1), `the parent of ${node} is gone`);
        }
      }
    }),
    { numRuns: 10 },
  );
});

describe('sessions that take turns', () => {
  /** The share of the prompts that the cache serves, for sessions of 320 tokens in a pool of 3,200. */
  function hitShare(sessions: number, config: Partial<ServingConfig>): number {
    const scheduler = new Scheduler({
      blockSize: 4,
      groups: [{ name: 'full', blockCount: 800, window: null }],
      contextMax: 1000,
      runningMax: 4,
      tokenBudget: 512,
      policy: policies.fcfs,
      ...config,
    });
    const texts: (readonly number[])[] = Array.from({ length: sessions }, (_, session) =>
      Array.from({ length: 320 }, (__, index) => 1000 * session + index),
    );
    let [asked, cached] = [0, 0];
    for (let round = 0; round < 6; round++) {
      for (const [session, text] of texts.entries()) {
        const prompt = [...text, 500_000 + round, 600_000 + session];
        const sequence = scheduler.submit({ prompt, outputTokensMax: 2 }, seconds(0));
        runToEnd(scheduler);
        texts[session] = [...sequence.tokens];
        if (round === 0) continue;
        asked += prompt.length;
        cached += sequence.cachedTokens;
      }
    }
    scheduler.checkIntegrity();
    return cached / asked;
  }

  test('lose a part of the cache and not all of it when they exceed the pool', () => {
    expect(hitShare(9, {})).toBeGreaterThan(0.95);
    expect(hitShare(11, {})).toBeGreaterThan(0.6);
    expect(hitShare(12, {})).toBeGreaterThan(0.3);
    expect(hitShare(11, { evictionSpread: 0 })).toBeLessThan(0.1);
  });

  test('with windows, some keep everything', () => {
    const groups = [
      { name: 'full', blockCount: 4000, window: null },
      { name: 'sliding', blockCount: 10 * 17 + 22, window: 64 },
    ];
    const small = { groups, prefillChunkMax: 16 };
    expect(hitShare(10, small)).toBeGreaterThan(0.9);
    expect(hitShare(12, small)).toBeGreaterThan(0.2);
    expect(hitShare(12, { ...small, evictionSpread: 0 })).toBe(0);
  });
});
