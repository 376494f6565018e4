/**
 * Ten thousand random schedules of a few requests in tight memory: each step keeps its budget, every request ends within
 * a bounded number of steps, later requests overtake it a bounded number of times, and its text is the text that it would
 * have alone, whether it was preempted, spilled, abandoned or paused. A failure names its seed: put it into `only`.
 */
import { assert, seconds } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { expect, test } from 'vitest';
import type { SequenceId } from './ids.ts';
import {
  policies,
  Scheduler,
  type SequenceView,
  type ServingConfig,
  type StepPlan,
  type StepResult,
} from './index.ts';
import { FingerprintEngine, fingerprints, nextToken } from './testing/fingerprint-engine.ts';

const only: number | null = null;
const scheduleCount = 10_000;
const runSeedBase = Number(process.env.PLIMSOLL_SEED ?? 0);
const vocabulary = 7;

function pick<Item>(random: Random, items: readonly Item[]): Item {
  const item = items[randomInteger(random, 0, items.length)];
  assert(item !== undefined, 'nothing to pick from');
  return item;
}

function randomConfig(random: Random): ServingConfig {
  const blockSize = pick(random, [2, 4]);
  const blockCount = randomInteger(random, 40, 90) / blockSize;
  const hostBlockCount = pick(random, [0, blockCount]);
  const full = { name: 'full', blockCount: Math.floor(blockCount), window: null, hostBlockCount };
  const sliding = { ...full, name: 'sliding', window: randomInteger(random, 2, 12) };
  const runningMax = randomInteger(random, 1, 6);
  return {
    blockSize,
    groups: pick(random, [[full], [full], [sliding], [full, sliding]]).map((group) => ({
      ...group,
      hostBlockCount: Math.floor(group.hostBlockCount),
    })),
    contextMax: 40,
    runningMax,
    tokenBudget: runningMax + randomInteger(random, 0, 20),
    prefixCaching: random() < 0.8,
    admissionReserve: pick(random, [0, 0.05]),
    admission: pick(random, ['prompt', 'expected-output']),
    skipHeadMax: pick(random, [0, 1, 4]),
    policy: {
      ...pick(random, [policies.fcfs, policies.fcfs, policies.priority, policies.fairShare]),
      preemption: pick(random, ['recompute', 'spill']),
    },
  };
}

class Schedule {
  readonly scheduler: Scheduler;
  readonly #random: Random;
  readonly #config: ServingConfig;
  readonly #engine: FingerprintEngine;
  readonly #prompts: readonly number[][];
  readonly #live = new Map<SequenceId, SequenceView>();
  /** Later requests that were admitted before a waiting request. */
  readonly #overtaken = new Map<SequenceId, number>();
  #now = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#config = randomConfig(this.#random);
    this.scheduler = new Scheduler(this.#config);
    this.#engine = new FingerprintEngine(this.#config);
    this.#prompts = Array.from({ length: 2 }, () =>
      Array.from({ length: 20 }, () => randomInteger(this.#random, 0, vocabulary)),
    );
  }

  run(): void {
    let left = randomInteger(this.#random, 2, 9);
    let workTokens = 0;
    for (let steps = 0; left > 0 || this.#live.size > 0; steps++) {
      // A request takes a step per token and may be computed again a few times; nothing may wait longer than that.
      assert(steps < 50 + 10 * workTokens, `${this.#live.size} requests make no progress`);
      while (left > 0 && this.#random() < 0.4) {
        workTokens += this.#submit();
        left--;
      }
      this.#disturb();
      if (!this.scheduler.isIdle) this.#step();
      this.#now += this.#random();
    }
    this.scheduler.checkIntegrity();
    for (const { owned, hostOwned } of this.scheduler.occupancy) {
      assert(owned === 0 && hostOwned === 0, 'blocks leak');
    }
  }

  #submit(): number {
    const prompt = pick(this.#random, this.#prompts).slice(0, randomInteger(this.#random, 1, 21));
    const outputTokensMax = randomInteger(this.#random, 1, 16);
    const sequence = this.scheduler.submit(
      {
        prompt,
        outputTokensMax,
        priority: randomInteger(this.#random, 0, 3),
        tenant: pick(this.#random, ['one', 'two']),
      },
      seconds(this.#now),
    );
    this.#live.set(sequence.id, sequence);
    return prompt.length + outputTokensMax;
  }

  #disturb(): void {
    const chance = this.#random();
    if (this.#live.size === 0) return;
    const sequence = pick(this.#random, [...this.#live.values()]);
    if (chance < 0.03) this.scheduler.pause(sequence.id);
    else if (chance < 0.3) for (const { id } of this.#live.values()) this.scheduler.resume(id);
    else if (chance < 0.31) {
      this.scheduler.abort(sequence.id);
      this.#live.delete(sequence.id);
    }
  }

  #step(): void {
    const rate = pick(this.#random, [Infinity, 1, 1000]);
    const plan = this.scheduler.step(seconds(this.#now), rate);
    assert(plan.tokenCount > 0 && plan.tokenCount <= this.#config.tokenBudget, 'a step and its budget');
    this.#countOvertaking(plan);
    if (this.#random() < 0.02) {
      this.scheduler.abandon();
      return;
    }
    const computed = this.#engine.run(plan);
    const results: StepResult[] = [];
    for (const [index, { sequence, samples }] of plan.entries.entries()) {
      if (!samples) continue;
      const token = nextToken(computed[index]?.at(-1) ?? 0, vocabulary);
      results.push({ sequenceId: sequence.id, tokens: [token] });
    }
    for (const { sequence } of this.scheduler.commit(results, seconds(this.#now)).finished) {
      this.#live.delete(sequence.id);
      this.#checkText(sequence);
    }
  }

  /** First come, first served: each request that becomes the head is overtaken `skipHeadMax` times at most. */
  #countOvertaking({ admitted }: StepPlan): void {
    if (this.#config.policy.name !== 'fcfs') return;
    for (const { id } of admitted) {
      for (const other of this.#live.values()) {
        if (other.admittedAt !== null || other.isPaused || other.id >= id) continue;
        const count = (this.#overtaken.get(other.id) ?? 0) + 1;
        this.#overtaken.set(other.id, count);
        const heads = [...this.#live.keys()].filter((earlier) => earlier <= other.id).length + 9;
        assert(count <= heads * (this.#config.skipHeadMax ?? 0), `request ${other.id} starves`);
      }
    }
  }

  #checkText({ id, tokens, promptLength }: SequenceView): void {
    const prefixes = fingerprints(tokens, '');
    for (let position = promptLength; position < tokens.length; position++) {
      const expected = nextToken(prefixes[position - 1] ?? 0, vocabulary);
      assert(tokens[position] === expected, `request ${id} has another text at ${position}`);
    }
  }
}

test(`${scheduleCount} schedules: budget, progress, bounded overtaking, identical texts`, () => {
  const totals = { preemptions: 0, spills: 0, restoredBlocks: 0, abandonedSteps: 0, prefixHitTokens: 0 };
  for (let index = 0; index < scheduleCount; index++) {
    // Most seeds are the same in every run.
    const seed = only ?? (index < 9000 ? index : (runSeedBase + index) % 2 ** 31);
    const schedule = new Schedule(seed);
    try {
      schedule.run();
    } catch (error) {
      throw new Error(`seed ${seed} fails; replay it with "only = ${seed}"`, { cause: error });
    }
    const { metrics } = schedule.scheduler;
    for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += metrics[name];
    if (only !== null) return;
  }
  for (const [name, total] of Object.entries(totals)) expect(total, name).toBeGreaterThan(500);
}, 120_000);
