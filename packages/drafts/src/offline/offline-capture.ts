/** Captures the features of every prompt of a plan into a folder, and continues where an earlier run has ended. */
import { type PromptTask, type SampleRef, sampleIdOf } from '@plimsoll/dataflow';
import { PlimsollError } from '@plimsoll/foundation';
import type { PromptPlan } from '../data/prompt-plan.ts';
import { type CapturePlan, sampleInput } from '../targets/sample-features.ts';
import type { PromptStates, TargetEngine } from '../targets/target-engine.ts';
import { checkWanted } from '../targets/wanted-states.ts';
import type { OfflineFolder } from './offline-folder.ts';

export interface OfflineCapture {
  readonly folder: OfflineFolder;
  readonly prompts: PromptPlan;
  readonly tokenizerVersion: string;
  readonly engine: TargetEngine;
  readonly plan: CapturePlan;
  readonly signal?: AbortSignal;
  /** Called after every captured or skipped batch. */
  readonly onProgress?: (progress: OfflineReport) => void;
}

export interface OfflineReport {
  /** Samples that this run has captured. */
  readonly captured: number;
  /** Samples of earlier runs. */
  readonly existing: number;
  /** Tokens that this run has captured. */
  readonly tokens: number;
  /** Bytes of all samples. */
  readonly bytes: number;
  /** Prompts that the target or the store refused. */
  readonly failed: readonly FailedSample[];
}

export interface FailedSample {
  readonly taskId: string;
  readonly sourceId: string;
  readonly reason: string;
}

/** More failures than this mean that the target or the data is wrong, not a prompt. */
const failedMax = 100;
/** Codes of a store that say that the states of one prompt are wrong. */
const featureCodes: ReadonlySet<string> = new Set([
  'constant-features',
  'non-finite-features',
  'bad-feature',
]);

/**
 * Throws what `checkWanted` throws before the first prompt, then errors of the plan, the target and the store, and
 * `too-many-failed-prompts`. Captured samples stay, and the next run continues.
 */
export async function captureOffline(capture: OfflineCapture): Promise<OfflineReport> {
  const { folder, prompts, engine, plan, signal, tokenizerVersion } = capture;
  checkWanted(engine, plan);
  const counts = { captured: 0, existing: 0, tokens: 0, failed: [] as FailedSample[] };
  const report = (): OfflineReport => ({ ...counts, failed: [...counts.failed], bytes: folder.bytes });
  const order: string[] = [];
  let batch: PromptTask[] = [];
  const flush = async (): Promise<void> => {
    const states = await engine.capture(
      batch.map(({ inputIds }) => inputIds),
      plan,
      signal,
    );
    for (const [index, task] of batch.entries()) {
      const outcome = states[index];
      const problem =
        outcome?.kind === 'captured'
          ? await stored(capture, task, outcome.states)
          : (outcome?.reason ?? 'the target left the prompt out');
      if (problem !== null) counts.failed.push(failure(task, problem));
      else {
        counts.captured++;
        counts.tokens += task.inputIds.length;
      }
    }
    if (counts.failed.length > failedMax) throw tooManyFailures(counts.failed);
    batch = [];
    capture.onProgress?.(report());
  };
  const { runId } = folder;
  for await (const task of prompts.tasks({ runId, target: engine.identity, tokenizerVersion })) {
    signal?.throwIfAborted();
    order.push(sampleIdOf(task));
    if (folder.has(sampleIdOf(task))) counts.existing++;
    else batch.push(task);
    if (batch.length === engine.promptsMax) await flush();
  }
  if (batch.length > 0) await flush();
  await folder.complete(order);
  return report();
}

/** Returns the problem of features that no working target computes, else null. */
async function stored(
  { folder, plan }: OfflineCapture,
  task: PromptTask,
  states: PromptStates,
): Promise<string | null> {
  let ref: SampleRef;
  try {
    ref = await folder.store.put(sampleInput(task, plan, states));
  } catch (error) {
    if (error instanceof PlimsollError && featureCodes.has(error.code)) return error.message;
    throw error;
  }
  await folder.add(ref);
  return null;
}

function failure({ taskId, sourceId }: PromptTask, reason: string): FailedSample {
  return { taskId, sourceId, reason };
}

function tooManyFailures(failed: readonly FailedSample[]): PlimsollError {
  const [first] = failed;
  return new PlimsollError({
    code: 'too-many-failed-prompts',
    message: `${failed.length} prompts failed, the first one (${first?.sourceId}): ${first?.reason}`,
    value: failed.length,
    limit: failedMax,
    hint: 'repair the target or the data; samples that are stored stay',
  });
}
