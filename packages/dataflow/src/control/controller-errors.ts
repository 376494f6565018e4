/** Errors of the control plane. */
import { PlimsollError } from '@plimsoll/foundation';
import type { PromptTask } from '../contracts/prompt-task.ts';
import type { FailedPrompt } from './ledger.ts';

export function planFault({ taskId, planIndex }: PromptTask, limit: number | string): PlimsollError {
  return new PlimsollError({
    code: 'plan-order',
    message: `prompt ${taskId} at plan index ${planIndex} does not continue the plan`,
    value: planIndex,
    limit,
    hint: 'add each prompt once, in the order of the plan, before the plan is closed',
  });
}

export function planChanged({ taskId, planIndex }: PromptTask, knownIndex: number): PlimsollError {
  return new PlimsollError({
    code: 'plan-changed',
    message: `prompt ${taskId} is at plan index ${planIndex}, the ledger has it at ${knownIndex}`,
    value: planIndex,
    limit: knownIndex,
    hint: 'resume with the data and the seed that the run was started with',
  });
}

export function unknownTask(taskId: string, planLength: number): PlimsollError {
  return new PlimsollError({
    code: 'unknown-task',
    message: `the plan of ${planLength} prompts has no task "${taskId}"`,
    value: taskId,
    limit: 'tasks of this run',
    hint: 'commit samples to the run that leased their prompts',
  });
}

export function stepOrder(step: number, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'step-order',
    message: `step ${step} does not follow the ledger`,
    value: step,
    limit,
    hint: 'acknowledge each optimizer step once, in order, and save checkpoints of acknowledged steps',
  });
}

export function tooManyFailures(count: number, limit: number, last: FailedPrompt): PlimsollError {
  return new PlimsollError({
    code: 'too-many-failed-prompts',
    message: `${count} prompts failed for good, the last one (${last.taskId}, ${last.attempts} attempts): ${last.reason}`,
    value: count,
    limit,
    hint: 'repair the target or the prompts, or allow more failed prompts',
  });
}
