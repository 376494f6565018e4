/** Producers on a real controller, store and engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DataFlowController,
  DirectoryStore,
  FeatureDataLoader,
  MemoryLedger,
  type PromptTask,
} from '@plimsoll/dataflow';
import { monotonicClock, PlimsollError } from '@plimsoll/foundation';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { PlimsollTarget } from './plimsoll-target.ts';
import { RolloutWorker, runRollout } from './rollout-worker.ts';
import { captureContract } from './sample-features.ts';
import type { CaptureOutcome, TargetEngine } from './target-engine.ts';
import { identity, plan, startEngine } from './targets.test-data.ts';

let target: PlimsollTarget;

beforeAll(async () => {
  target = new PlimsollTarget(await startEngine(), identity);
});
afterAll(() => target.close());

function task(planIndex: number): PromptTask {
  const inputIds = Array.from(
    { length: 5 + (planIndex % 7) },
    (_, token) => 5 + ((token * 13 + planIndex * 3) % 200),
  );
  return {
    ...{ runId: 'run', taskId: `p${planIndex}`, planIndex, sourceId: `line ${planIndex}`, inputIds },
    ...{ lossMask: inputIds.map((_, token) => Number(token > 1)), tokensMax: 64, chatTemplate: null },
    ...{ target: identity, tokenizerVersion: 't', metadata: {} },
  };
}

async function startRun(count: number, failedPromptsMax = 0) {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-rollout-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const run = new DataFlowController({
    contract: captureContract(plan, target, { runId: 'run', tokenizerVersion: 't' }),
    ...{ ledger: new MemoryLedger(), clock: monotonicClock, quantum: 4, attemptsMax: 3, leaseSeconds: 60 },
    ...{
      limits: { samplesHigh: 64, samplesLow: 32, bytes: null },
      failedPromptsMax,
      freeAfter: 'step',
      resume: null,
    },
  });
  run.addPrompts(Array.from({ length: count }, (_, index) => task(index)));
  run.closePlan();
  const store = await DirectoryStore.open({
    ...{
      folder,
      retention: 'abort',
      bytesMax: 2 ** 30,
      writer: '0'.repeat(16),
      nowSeconds: () => Date.now() / 1000,
    },
  });
  return { run, store };
}

/** The target with another capture. */
function changed(capture: TargetEngine['capture']): TargetEngine {
  return {
    ...{ identity, hiddenSize: target.hiddenSize, layerCount: target.layerCount, promptsMax: 2, capture },
    refusal: () => null,
    answer: (request) => target.answer(request),
    close: async () => undefined,
  };
}

test('workers produce every prompt, and the loader reads what the target computed', async () => {
  const { run, store } = await startRun(12);
  const workers = ['a', 'b'].map(
    (name) => new RolloutWorker({ name, control: run, store, engine: target, plan, failuresMax: 3 }),
  );
  await runRollout(workers, run);
  const loader = new FeatureDataLoader({ store, source: run, batchSize: 2, readsMax: 2 });
  const order: string[] = [];
  let step = 0;
  let window: string[] = [];
  for await (const batch of loader.batches()) {
    expect(Object.keys(batch.tensors).toSorted()).toEqual([
      'final_states',
      'input_ids',
      'layer_states',
      'loss_mask',
    ]);
    order.push(...batch.refs.map(({ taskId }) => taskId));
    window.push(...batch.refs.map(({ sampleId }) => sampleId));
    if (!batch.endsWindow) continue;
    run.acknowledge(window, ++step);
    window = [];
  }
  expect(order).toEqual(Array.from({ length: 12 }, (_, index) => `p${index}`));
  run.checkIntegrity();
});

test('a failed prompt is tried again, and fails alone when its attempts are used up', async () => {
  const { run, store } = await startRun(6, 1);
  const poisoned = task(2).inputIds.join();
  let attempts = 0;
  const engine = changed(async (prompts, wanted) => {
    const outcomes = await target.capture(prompts, wanted);
    return prompts.map((prompt, index): CaptureOutcome => {
      if (prompt.join() !== poisoned) return outcomes[index] as CaptureOutcome;
      attempts++;
      return { kind: 'failed', reason: 'out of memory', isRetryable: true };
    });
  });
  await runRollout(
    [new RolloutWorker({ name: 'a', control: run, store, engine, plan, failuresMax: 3 })],
    run,
  );
  expect(attempts).toBe(3);
  expect(run.status().failures).toEqual([
    { taskId: 'p2', planIndex: 2, attempts: 3, reason: 'out of memory' },
  ]);
  expect(run.status().samples.ready).toBe(5);
});

test('constant states fail their prompt and leave nothing in the store', async () => {
  const { run, store } = await startRun(1, 1);
  const engine = changed(async (prompts, wanted) => {
    const outcomes = await target.capture(prompts, wanted);
    for (const outcome of outcomes) if (outcome.kind === 'captured') outcome.states.layers?.fill(0);
    return outcomes;
  });
  await runRollout(
    [new RolloutWorker({ name: 'a', control: run, store, engine, plan, failuresMax: 3 })],
    run,
  );
  expect(run.status().failures[0]?.reason).toMatch('the same value');
  expect((await store.status()).samples).toBe(0);
});

test('the prompts of a dead target go to the others; without others, the run fails', async () => {
  const dead = changed(async () => {
    throw new PlimsollError({ code: 'target-unreachable', message: 'the target is gone' });
  });
  const first = await startRun(8);
  const worker = (name: string, engine: TargetEngine, { run, store }: typeof first) =>
    new RolloutWorker({ name, control: run, store, engine, plan, failuresMax: 2 });
  const dying = worker('dead', dead, first);
  await runRollout([dying, worker('alive', target, first)], first.run);
  expect(first.run.status().samples.ready).toBe(8);
  const second = await startRun(8);
  await expect(runRollout([worker('dead', dead, second)], second.run)).rejects.toMatchObject({
    code: 'no-worker-left',
  });
  expect(() => second.run.takeWindow()).toThrow('the target is gone');
});
