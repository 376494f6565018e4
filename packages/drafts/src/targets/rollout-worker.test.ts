/** Producers on a real controller, store and engine: in one process, and through a real NATS server. */
import type { SampleRef } from '@plimsoll/dataflow';
import { natsServer, natsSkipReason } from '@plimsoll/dataflow/testing';
import { PlimsollError } from '@plimsoll/foundation';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PlimsollTarget } from './plimsoll-target.ts';
import { runLocalRollout, runRollout } from './rollout.ts';
import { type Stage, type StageSetting, Stages, task, train } from './rollout-stages.test-data.ts';
import { type RolloutOptions, RolloutWorker } from './rollout-worker.ts';
import type { CaptureOutcome, TargetEngine } from './target-engine.ts';
import { identity, plan, startEngine } from './targets.test-data.ts';

let target: PlimsollTarget;
let stages: Stages;

beforeAll(async () => {
  target = new PlimsollTarget(await startEngine(), identity);
  stages = new Stages(target);
});
afterEach(() => stages.clear());
afterAll(async () => {
  await stages.close();
  await target.close();
});

/** The target with another capture. */
function changed(capture: TargetEngine['capture']): TargetEngine {
  return {
    ...{ identity, hiddenSize: target.hiddenSize, layerCount: target.layerCount, promptsMax: 2, capture },
    refusal: () => null,
    answer: (request) => target.answer(request),
    close: async () => undefined,
  };
}

const deadTarget = (): TargetEngine =>
  changed(async () => {
    throw new PlimsollError({ code: 'target-unreachable', message: 'the target is gone' });
  });

async function openWorker(
  stage: Stage,
  name: string,
  options: Partial<RolloutOptions> = {},
): Promise<RolloutWorker> {
  const link = await stage.openLink(name);
  return new RolloutWorker({ link, store: stage.store, engine: target, plan, failuresMax: 2, ...options });
}

const upTo = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `p${index}`);

const places: Readonly<Record<string, (setting: StageSetting) => Promise<Stage>>> = {
  'in process': (setting) => stages.inProcess(setting),
  ...(natsServer === null ? {} : { 'through NATS': (setting: StageSetting) => stages.throughNats(setting) }),
};

describe.each(Object.entries(places))('%s', (_name, makeStage) => {
  test('workers produce every prompt, and the loader reads what the target computed', async () => {
    const stage = await makeStage({ prompts: 13 });
    const workers = [await openWorker(stage, 'a'), await openWorker(stage, 'b')];
    const [{ order, features }] = await Promise.all([train(stage), runRollout(workers)]);
    expect(features).toEqual(['final_states', 'input_ids', 'layer_states', 'loss_mask']);
    expect(order).toEqual(upTo(12));
    expect(stage.run.status()).toMatchObject({ trained: 12, dropped: 1, failures: [] });
    expect((await stage.store.status()).samples).toBe(0);
  });

  test('features that the trainer cannot read are captured again', async () => {
    const stage = await makeStage({ prompts: 8 });
    const captured: string[] = [];
    const removals: Promise<void>[] = [];
    const onSample = (ref: SampleRef): void => {
      if (ref.taskId === 'p2' && !captured.includes('p2')) removals.push(stage.store.abort(ref));
      captured.push(ref.taskId);
    };
    const producing = openWorker(stage, 'a', { onSample }).then((worker) => runRollout([worker]));
    await expect.poll(() => captured.length).toBe(8);
    await Promise.all(removals);
    const [{ order }] = await Promise.all([train(stage), producing]);
    expect(order).toEqual(upTo(8));
    expect(captured).toEqual([...upTo(8), 'p2']);
  });

  test('a failed prompt is tried again, and fails alone when its attempts are used up', async () => {
    const stage = await makeStage({ prompts: 6, failedPromptsMax: 1 });
    const poisoned = task('', 2).inputIds.join();
    let attempts = 0;
    const engine = changed(async (prompts, wanted) => {
      const outcomes = await target.capture(prompts, wanted);
      return prompts.map((prompt, index): CaptureOutcome => {
        if (prompt.join() !== poisoned) return outcomes[index] as CaptureOutcome;
        attempts++;
        return { kind: 'failed', reason: 'out of memory', isRetryable: true };
      });
    });
    const worker = await openWorker(stage, 'a', { engine });
    const [{ order }] = await Promise.all([train(stage), runRollout([worker])]);
    expect(attempts).toBe(3);
    expect(order).toEqual(['p0', 'p1', 'p3', 'p4']);
    const { failures } = stage.run.status();
    expect(failures.map(({ taskId, reason }) => `${taskId}: ${reason}`)).toEqual(['p2: out of memory']);
  });

  test('constant states fail their prompt and leave nothing in the store', async () => {
    const stage = await makeStage({ prompts: 1, failedPromptsMax: 1 });
    const engine = changed(async (prompts, wanted) => {
      const outcomes = await target.capture(prompts, wanted);
      for (const outcome of outcomes) if (outcome.kind === 'captured') outcome.states.layers?.fill(0);
      return outcomes;
    });
    const worker = await openWorker(stage, 'a', { engine });
    await Promise.all([train(stage), runRollout([worker])]);
    expect(stage.run.status().failures[0]?.reason).toMatch('the same value');
    expect((await stage.store.status()).samples).toBe(0);
  });

  test('other workers get the prompts of a dead target', async () => {
    const stage = await makeStage({ prompts: 8 });
    const dying = await openWorker(stage, 'dead', { engine: deadTarget() });
    const alive = await openWorker(stage, 'alive');
    const [{ order }] = await Promise.all([train(stage), runRollout([dying, alive])]);
    expect(order).toEqual(upTo(8));
  });

  test('without a working target the producer fails, and a later producer ends its run', async () => {
    const stage = await makeStage({ prompts: 4 });
    const dying = await openWorker(stage, 'dead', { engine: deadTarget() });
    await expect(runRollout([dying])).rejects.toMatchObject({ code: 'no-worker-left' });
    expect(dying.stoppedBy?.code).toBe('target-unreachable');
    const later = await openWorker(stage, 'later');
    const [{ order }] = await Promise.all([train(stage), runRollout([later])]);
    expect(order).toEqual(upTo(4));
  });

  test('a stopped producer gives its prompts back', async () => {
    const stage = await makeStage({ prompts: 4 });
    const stopping = new AbortController();
    const engine = changed(async (_prompts, _wanted, signal) => {
      stopping.abort(new Error('Ctrl-C'));
      signal?.throwIfAborted();
      return [];
    });
    const stopped = await openWorker(stage, 'stopped', { engine });
    const waiting = await openWorker(stage, 'waiting', { engine });
    await expect(runRollout([stopped, waiting], stopping.signal)).rejects.toThrow('Ctrl-C');
    const later = await openWorker(stage, 'later');
    const [{ order }] = await Promise.all([train(stage), runRollout([later])]);
    expect(order).toEqual(upTo(4));
  });

  test('an error of the store ends all workers and is not lost', async () => {
    const stage = await makeStage({ prompts: 4 });
    const full = new PlimsollError({ code: 'disk-full', message: 'the disk is full' });
    const put = async (): Promise<never> => {
      throw full;
    };
    const failing = await openWorker(stage, 'full', { store: { put } });
    await expect(runRollout([failing, await openWorker(stage, 'other')])).rejects.toBe(full);
  });

  test('the failure of the run ends its producers and never looks like its end', async () => {
    const stage = await makeStage({ prompts: 4 });
    const worker = await openWorker(stage, 'a');
    stage.run.failRun(new PlimsollError({ code: 'trainer-failed', message: 'the trainer is gone' }));
    await expect(runRollout([worker])).rejects.toThrow('the trainer is gone');
  });
});

test('in one process, a producer that cannot go on fails the run for its trainer', async () => {
  const stage = await stages.inProcess({ prompts: 8 });
  const training = train(stage);
  training.catch(() => undefined);
  const dying = await openWorker(stage, 'dead', { engine: deadTarget() });
  await expect(runLocalRollout(stage.run, [dying])).rejects.toMatchObject({ code: 'no-worker-left' });
  await expect(training).rejects.toThrow('the target is gone');
  const second = await stages.inProcess({ prompts: 8 });
  const wrong = changed(async () => {
    throw new TypeError('states is undefined');
  });
  const worker = await openWorker(second, 'wrong', { engine: wrong });
  await expect(runLocalRollout(second.run, [worker])).rejects.toThrow(TypeError);
  expect(() => second.run.takeWindow()).toThrow('a producer failed: states is undefined');
  const none = await stages.inProcess({ prompts: 8 });
  await expect(runLocalRollout(none.run, [])).rejects.toThrow('none was started');
});

// The suite through NATS is in the list only where a server is.
test.skipIf(natsServer === null)(
  `a NATS server is here${natsServer === null ? `: ${natsSkipReason}` : ''}`,
  () => {
    expect(Object.keys(places)).toHaveLength(2);
  },
);
