/**
 * Speed of the serving core alone, without a model: the cost of scheduling per step, and the throughput of its parts.
 *
 *     node benchmarks/serving.ts [--json]
 *     node benchmarks/serving.ts --study
 *
 * `--study` compares policies instead: cache hits and repeated work of fixed workloads (serving-study/study.ts).
 * Counts are fixed. The programs are interleaved, round after round, so that a busy moment affects them all. The report
 * prints the median and the best round.
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { assert, seconds } from '@plimsoll/foundation';
import {
  BlockHasher,
  BlockPool,
  policies,
  Scheduler,
  type ServingConfig,
  type StepPlan,
} from '@plimsoll/serving';
import { median } from './record/statistics.ts';
import { studyLines } from './serving-study/study.ts';

const rounds = 5;
const runningCount = 1000;
const decodeSteps = 200;
const poolOperations = 400_000;
const hashedBlocks = 40_000;
const blockSize = 16;

interface Program {
  readonly name: string;
  readonly unit: string;
  /** Does a fixed amount of work and returns the number of units and the seconds that they took. */
  readonly run: () => { readonly count: number; readonly seconds: number };
}

function timed(count: number, work: () => void): { count: number; seconds: number } {
  const start = performance.now();
  work();
  return { count, seconds: (performance.now() - start) / 1000 };
}

/** Returns a distinct prompt for each number, after a prefix that all prompts share. */
function prompt(number: number, sharedLength: number, length: number): Int32Array {
  return Int32Array.from({ length }, (_, index) =>
    index < sharedLength ? index : (number * 7919 + index) % 30_000,
  );
}

function config(blockCount: number, policy = policies.fcfs): ServingConfig {
  return {
    blockSize,
    groups: [{ name: 'full', blockCount, window: null }],
    contextMax: 4096,
    runningMax: runningCount,
    tokenBudget: 8192,
    policy,
  };
}

function commit(scheduler: Scheduler, plan: StepPlan): void {
  const results = plan.entries
    .filter(({ samples }) => samples)
    .map(({ sequence }) => ({ sequenceId: sequence.id, tokens: [plan.index % 30_000] }));
  scheduler.commit(results, plan.now);
}

/** Returns a scheduler with 1,000 sequences past their prefill. */
function decoding(blockCount: number): Scheduler {
  const scheduler = new Scheduler(config(blockCount));
  for (let number = 0; number < runningCount; number++) {
    scheduler.submit({ prompt: prompt(number, 0, 128), outputTokensMax: 2000 }, seconds(0));
  }
  while (scheduler.waitingCount > 0) commit(scheduler, scheduler.step(seconds(0)));
  return scheduler;
}

const programs: readonly Program[] = [
  {
    name: `decode, ${runningCount} sequences running`,
    unit: 'steps',
    run: () => {
      const scheduler = decoding(runningCount * 40);
      const result = timed(decodeSteps, () => {
        for (let step = 0; step < decodeSteps; step++) commit(scheduler, scheduler.step(seconds(step)));
      });
      assert(scheduler.runningCount === runningCount, 'a sequence ended or was preempted');
      return result;
    },
  },
  {
    name: 'requests from submit to finish: 512 tokens, 448 shared, 16 out',
    unit: 'requests',
    run: () => {
      const scheduler = new Scheduler(config(20_000));
      return timed(2000, () => {
        for (let number = 0; number < 2000; number++) {
          scheduler.submit({ prompt: prompt(number, 448, 512), outputTokensMax: 16 }, seconds(number));
          if (number % 20 === 0) commit(scheduler, scheduler.step(seconds(number)));
        }
        while (scheduler.runningCount + scheduler.waitingCount > 0)
          commit(scheduler, scheduler.step(seconds(0)));
      });
    },
  },
  {
    name: 'block pool: allocate and release',
    unit: 'blocks',
    run: () => {
      const pool = new BlockPool(100_000);
      return timed(poolOperations, () => {
        for (let batch = 0; batch < poolOperations; batch += 64) {
          const blocks = Array.from({ length: 64 }, () => pool.allocate());
          for (const block of blocks) if (block !== null) pool.release(block);
        }
      });
    },
  },
  {
    name: 'block pool: allocate with eviction, publish, release',
    unit: 'blocks',
    run: () => {
      const pool = new BlockPool(10_000);
      const result = timed(poolOperations, () => {
        for (let count = 0; count < poolOperations; count++) {
          const block = pool.allocate();
          assert(block !== null, 'the pool is empty');
          pool.publish(block, [count, count * 3, count * 5, count * 7], 0);
          pool.release(block);
        }
      });
      assert(pool.evictions === poolOperations - 10_000, 'the pool did not evict what it should');
      return result;
    },
  },
  {
    name: `content hashes of blocks of ${blockSize} tokens`,
    unit: 'blocks',
    run: () => {
      const hasher = new BlockHasher();
      const tokens = prompt(1, 0, blockSize * 1000);
      return timed(hashedBlocks, () => {
        for (let count = 0; count < hashedBlocks; count += 1000) {
          const chain: number[] = [];
          for (let start = 0; start < tokens.length; start += blockSize) {
            hasher.extend(chain, { tokens, start, end: start + blockSize, extraKey: '' });
          }
        }
      });
    },
  },
];

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, study: { type: 'boolean', default: false } },
});
if (options.study) {
  for (const line of studyLines()) process.stdout.write(`${line}\n`);
} else {
  measure();
}

function measure(): void {
  const rates = programs.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { run }] of programs.entries()) {
      const result = run();
      rates[index]?.push(result.count / result.seconds);
    }
  }
  const rows = programs.map(({ name, unit }, index) => ({
    name,
    unit: `${unit}/s`,
    median: Math.round(median(rates[index] ?? [])),
    best: Math.round(Math.max(...(rates[index] ?? []))),
  }));
  const machine = {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  };
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine, rounds, rows }, null, 2)}\n`);
  } else {
    const line = (name: string, unit: string, middle: string, best: string): string =>
      `${name.padEnd(64)} ${middle.padStart(12)} ${best.padStart(12)}  ${unit}\n`;
    process.stdout.write(
      `${machine.cores} x ${machine.cpu}, Node ${machine.node}, ${machine.date}, ${machine.commit}\n\n`,
    );
    process.stdout.write(line('', '', 'median', 'best'));
    for (const { name, unit, median: middle, best } of rows) {
      process.stdout.write(line(name, unit, middle.toLocaleString('en-US'), best.toLocaleString('en-US')));
    }
  }
}
