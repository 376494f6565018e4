/** The gate: whatever the topology, the threads, the reads and the interruptions, one seed gives one sequence of weights. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FeatureDataLoader, RefList } from '@plimsoll/dataflow';
import type { Tracker } from '@plimsoll/training/trainer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { featureOf, tokenIdsOf } from '../algorithms/feature-values.ts';
import { PlimsollTarget } from '../targets/plimsoll-target.ts';
import { identity, startEngine } from '../targets/targets.test-data.ts';
import { newFolder } from './new-folder.test-data.ts';
import {
  besideProducer,
  type Example,
  exampleTrainer,
  fromStored,
  openExample,
  plan,
  promptTasks,
  type RunChanges,
  recordedLosses,
  type StoredSamples,
  savedState,
  storeSamples,
} from './trainer.test-data.ts';
import type { OpenFlow } from './training-flow.ts';

let example: Example;
let samples: StoredSamples;
const sampleFolder = mkdtempSync(join(tmpdir(), 'plimsoll-samples-'));

beforeAll(async () => {
  example = await openExample(new PlimsollTarget(await startEngine(), identity));
  samples = await storeSamples(example, sampleFolder);
});
afterAll(async () => {
  await example.target.close();
  rmSync(sampleFolder, { recursive: true });
});

async function trainStored(folder: string, changes: RunChanges = {}, signal?: AbortSignal) {
  return exampleTrainer(example, folder, fromStored(samples, changes), changes).fit(signal);
}

/** A tracker that calls `act` when a step is recorded. */
function after(step: number, act: () => void): Tracker {
  return { record: (record) => (record.step === step ? act() : undefined), close: () => undefined };
}

test('the draft reads from stored features what the target computed', async () => {
  const tasks = promptTasks(0, 2);
  for (const statesType of ['F32', 'BF16'] as const) {
    const { store, refs } = await storeSamples(example, newFolder(), {
      tasks,
      states: { ...plan, statesType },
    });
    const loader = new FeatureDataLoader({ store, source: new RefList(refs, 2), batchSize: 2, readsMax: 1 });
    for await (const batch of loader.batches()) {
      const longest = Math.max(...tasks.map(({ inputIds }) => inputIds.length));
      const padded = (rows: readonly (readonly number[])[]): number[] =>
        rows.flatMap((row) => [...row, ...Array.from({ length: longest - row.length }, () => 0)]);
      expect([...tokenIdsOf(batch, 320)]).toEqual(padded(tasks.map(({ inputIds }) => inputIds)));
      expect([...featureOf(batch, 'loss_mask', 1)]).toEqual(padded(tasks.map(({ lossMask }) => lossMask)));
      const [first] = await example.target.capture([tasks[0]?.inputIds ?? []], plan);
      if (first?.kind !== 'captured') throw new Error('the target captures the prompt');
      const { layers, final } = first.states;
      for (const [values, expected] of [
        [featureOf(batch, 'layer_states', 128), layers],
        [featureOf(batch, 'final_states', 64), final],
      ] as const)
        for (const [index, value] of (expected ?? []).entries()) {
          const tolerance = statesType === 'F32' ? 0 : Math.abs(value) / 256;
          expect(Math.abs((values[index] ?? Number.NaN) - value)).toBeLessThanOrEqual(tolerance);
        }
    }
  }
});

test('threads and parallel reads change no bit; batches accumulate to the large batch', async () => {
  const folder = newFolder();
  const report = await trainStored(folder, { epochs: 2 });
  expect(report).toMatchObject({ step: 7, samples: 28, isComplete: true, heldOut: null });
  const losses = recordedLosses(folder);
  expect(losses).toHaveLength(7);
  expect(losses.at(-1)).toBeLessThan(losses[0] ?? 0);

  const other = newFolder();
  await trainStored(other, { epochs: 2, threads: 3, readsMax: 4 });
  expect(recordedLosses(other)).toEqual(losses);
  expect(savedState(other, 7).equals(savedState(folder, 7))).toBe(true);

  for (const batchSize of [1, 4]) {
    const accumulated = newFolder();
    await trainStored(accumulated, { epochs: 2, batchSize });
    for (const [index, loss] of recordedLosses(accumulated).entries())
      expect(Math.abs(loss / (losses[index] ?? 0) - 1)).toBeLessThan(1e-5);
  }
});

test('a stopped run resumes with the bits of the unbroken run', async () => {
  const whole = newFolder();
  await trainStored(whole, { epochs: 2 });
  const broken = newFolder();
  const stop = new AbortController();
  const trackers = [after(3, () => stop.abort())];
  const first = await trainStored(broken, { epochs: 2, trackers }, stop.signal);
  expect(first).toMatchObject({ step: 3, samples: 12, isComplete: false });
  await expect(trainStored(broken, { epochs: 2 })).rejects.toMatchObject({ code: 'run-exists', value: 3 });
  await expect(trainStored(broken, { epochs: 2, begin: 'resume', seed: 2 })).rejects.toMatchObject({
    code: 'resume-contract-changed',
    message: 'seed is 2 in this run and 1 in the checkpoint',
  });
  const rest = await trainStored(broken, { epochs: 2, begin: 'resume', readsMax: 1 });
  expect(rest).toMatchObject({ step: 7, samples: 28, isComplete: true });
  expect(recordedLosses(broken)).toEqual(recordedLosses(whole));
  expect(savedState(broken, 7).equals(savedState(whole, 7))).toBe(true);
  expect(await trainStored(broken, { epochs: 2, begin: 'resume' })).toMatchObject({
    step: 7,
    isComplete: true,
  });
});

test('training beside a producer equals training from stored features, also after a crash', async () => {
  const stored = newFolder();
  await trainStored(stored);
  const live = newFolder();
  const flow = await besideProducer(example, live);
  expect(await exampleTrainer(example, live, flow).fit()).toMatchObject({
    step: 3,
    samples: 12,
    isComplete: true,
  });
  expect(recordedLosses(live)).toEqual(recordedLosses(stored));
  expect(savedState(live, 3).equals(savedState(stored, 3))).toBe(true);
  expect(flow.status()).toMatchObject({ trained: 12, dropped: 2, lastStep: 3 });
  expect(await flow.store.status()).toMatchObject({ samples: 0, leases: 0 });

  // The process ends after step 1 is acknowledged and before any checkpoint, then after step 3 and before its checkpoint.
  const crashed = newFolder();
  for (const step of [1, 3]) {
    const crash = after(step, () => {
      throw new Error('crash');
    });
    const begin = step === 1 ? 'new' : 'resume';
    const changes = { trackers: [crash], begin } as const;
    const run = exampleTrainer(example, crashed, await besideProducer(example, crashed), changes);
    await expect(run.fit()).rejects.toThrow('crash');
  }
  const last = await besideProducer(example, crashed);
  const report = await exampleTrainer(example, crashed, last, { begin: 'resume' }).fit();
  expect(report).toMatchObject({ step: 3, samples: 12, isComplete: true });
  expect(savedState(crashed, 3).equals(savedState(stored, 3))).toBe(true);
  expect(recordedLosses(crashed)).toEqual(recordedLosses(stored));
  expect(last.status()).toMatchObject({ trained: 12, dropped: 2 });
  expect(await last.store.status()).toMatchObject({ samples: 0, leases: 0 });
});

test('a step whose acknowledgement fails is in no checkpoint', async () => {
  const folder = newFolder();
  const flow = fromStored(samples);
  const open: OpenFlow = async (start) => ({
    ...(await flow.open(start)),
    acknowledge: (_, step) => {
      if (step === 2) throw new Error('the ledger is full');
    },
  });
  const changes = { cadence: { saveEvery: 1 } };
  const run = exampleTrainer(example, folder, { ...flow, open }, changes);
  await expect(run.fit()).rejects.toThrow('the ledger is full');
  expect(readdirSync(join(folder, 'checkpoints'))).toEqual(['step-1']);
});

test('the best checkpoint is the one with the longest simulated length on held-out samples', async () => {
  const heldOut = await storeSamples(example, newFolder(), { tasks: promptTasks(100, 3) });
  const folder = newFolder();
  const lengths = new Map<number, number>();
  const tracker: Tracker = {
    record: ({ step, values }) => {
      const length = values['eval/simulated_length'];
      if (typeof length === 'number') lengths.set(step, length);
    },
    close: () => undefined,
  };
  const changes = { epochs: 2, heldOut, trackers: [tracker], cadence: { saveEvery: 0, evaluateEvery: 2 } };
  const { bestStep, heldOut: metrics } = await trainStored(folder, changes);
  expect([...lengths.keys()]).toEqual([2, 4, 6, 7]);
  const longest = Math.max(...lengths.values());
  expect(bestStep).toBe([...lengths].find(([, length]) => length === longest)?.[0]);
  expect(metrics?.simulatedLength).toBe(lengths.get(7));
  // An evaluation changes no weight.
  const plain = newFolder();
  await trainStored(plain, { epochs: 2 });
  expect(savedState(folder, 7).equals(savedState(plain, 7))).toBe(true);
});
