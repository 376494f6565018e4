/** Drives a scheduler with the fingerprint engine, one step at a time, and shows each plan as text. For tests. */
import { assert, seconds } from '@plimsoll/foundation';
import type { ServingConfig, StepResult } from '../index.ts';
import { type CommitOutcome, policies, Scheduler, type SequenceId, type SequenceView } from '../index.ts';
import { planText } from '../plan-text.ts';
import { FingerprintEngine, nextToken } from './fingerprint-engine.ts';

/** One group of 16 blocks of 4 tokens, without any reserve: small enough to follow every block. */
export const smallConfig: ServingConfig = {
  blockSize: 4,
  groups: [{ name: 'full', blockCount: 16, window: null }],
  contextMax: 64,
  runningMax: 8,
  tokenBudget: 16,
  admissionReserve: 0,
  admission: 'prompt',
  evictionSpread: 0,
  policy: policies.fcfs,
};

export class TestDriver {
  readonly scheduler: Scheduler;
  readonly engine: FingerprintEngine;
  readonly vocabulary: number;
  now = 0;
  outcome: CommitOutcome = { finished: [], forked: [] };

  constructor(config: ServingConfig, vocabulary = 100) {
    this.scheduler = new Scheduler(config);
    this.engine = new FingerprintEngine(config);
    this.vocabulary = vocabulary;
  }

  /** A prompt of `length` tokens that counts up from `first`. */
  submit(first: number, length: number, options: { output?: number; priority?: number } = {}): SequenceView {
    return this.scheduler.submit(
      {
        prompt: counting(first, length),
        outputTokensMax: options.output ?? 8,
        priority: options.priority ?? 0,
      },
      seconds(this.now),
    );
  }

  /** Runs one step; `changes` add to the model's result for a sequence: drafts, forks, the end. */
  step(changes: ReadonlyMap<SequenceId, Partial<StepResult>> = new Map()): string {
    const plan = this.scheduler.step(seconds(this.now));
    const text = planText(plan);
    this.scheduler.checkIntegrity();
    const computed = this.engine.run(plan);
    const results: StepResult[] = [];
    for (const [index, { sequence, samples, count, draftCount }] of plan.entries.entries()) {
      if (!samples) continue;
      const tokens: number[] = [];
      for (let position = count - draftCount - 1; position < count; position++) {
        tokens.push(nextToken(computed[index]?.[position] ?? 0, this.vocabulary));
        if (tokens.at(-1) !== sequence.drafts[tokens.length - 1]) break;
      }
      results.push({ sequenceId: sequence.id, tokens, ...changes.get(sequence.id) });
    }
    this.outcome = this.scheduler.commit(results, seconds(this.now));
    this.scheduler.checkIntegrity();
    this.now += 1;
    return text;
  }

  steps(count: number): string {
    return Array.from({ length: count }, () => this.step()).join('\n');
  }

  /** Runs steps until no sequence is left, and returns their number. */
  finish(stepsMax = 1000): number {
    for (let count = 0; count < stepsMax; count++) {
      if (this.scheduler.runningCount + this.scheduler.waitingCount === 0) return count;
      this.step();
    }
    assert(false, `${this.scheduler.runningCount} sequences still run after ${stepsMax} steps`);
  }
}

export function counting(first: number, length: number): number[] {
  return Array.from({ length }, (_, index) => first + index);
}
