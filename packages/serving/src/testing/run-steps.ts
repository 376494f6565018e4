/** Runs steps of a scheduler at time 0 without a model. For tests in which only the number of tokens matters. */
import { seconds } from '@plimsoll/foundation';
import type { Scheduler, SequenceView, StepResult } from '../index.ts';

/** The result of a step for one of its sequences. */
export type Answer = (sequence: SequenceView) => Omit<StepResult, 'sequenceId'>;

const sameToken: Answer = () => ({ tokens: [7] });

export function runStep(scheduler: Scheduler, answer = sameToken): void {
  const plan = scheduler.step(seconds(0));
  const sampled = plan.entries.filter(({ samples }) => samples);
  scheduler.commit(
    sampled.map(({ sequence }) => ({ sequenceId: sequence.id, ...answer(sequence) })),
    plan.now,
  );
}

/** Runs all requests to their ends. */
export function runToEnd(scheduler: Scheduler, answer = sameToken): void {
  while (scheduler.runningCount + scheduler.waitingCount > 0) runStep(scheduler, answer);
}
