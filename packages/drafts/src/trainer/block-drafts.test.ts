/** The gate for drafts of blocks, whose anchors are drawn in every step. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PlimsollTarget } from '../targets/plimsoll-target.ts';
import { identity, startEngine } from '../targets/targets.test-data.ts';
import { newFolder } from './new-folder.test-data.ts';
import {
  besideProducer,
  blockDraft,
  type Example,
  exampleTrainer,
  fromStored,
  openExample,
  promptTasks,
  type RunChanges,
  recordedLosses,
  type StoredSamples,
  savedState,
  storeSamples,
} from './trainer.test-data.ts';

let example: Example;
let samples: StoredSamples;
let heldOut: StoredSamples;
const sampleFolder = mkdtempSync(join(tmpdir(), 'plimsoll-samples-'));

beforeAll(async () => {
  example = await openExample(new PlimsollTarget(await startEngine(), identity));
  const { plan: states } = blockDraft('dflash');
  samples = await storeSamples(example, join(sampleFolder, 'trained'), { states });
  heldOut = await storeSamples(example, join(sampleFolder, 'held-out'), {
    ...{ states, tasks: promptTasks(100, 3) },
  });
});
afterAll(async () => {
  await example.target.close();
  rmSync(sampleFolder, { recursive: true });
});

describe.each(['dflash', 'domino'] as const)('%s', (name) => {
  const draft = blockDraft(name);
  const train = async (folder: string, changes: RunChanges = {}, signal?: AbortSignal) => {
    const run = { epochs: 2, draft, ...changes };
    return exampleTrainer(example, folder, fromStored(samples, run), run).fit(signal);
  };

  test('threads and reads change no bit; batches accumulate to the large batch; held-out counts', async () => {
    const [folder, other] = [newFolder(), newFolder()];
    const report = await train(folder, { heldOut });
    expect(report).toMatchObject({ step: 7, samples: 28, isComplete: true });
    const { accuracy = [], simulatedLength = -1 } = report.heldOut ?? {};
    // Guesses: the anchor of DFlash predicts nothing, that of Domino the first token.
    expect(accuracy).toHaveLength(name === 'dflash' ? 3 : 4);
    expect(simulatedLength).toBeGreaterThanOrEqual(0);
    expect(simulatedLength).toBeLessThanOrEqual(accuracy.length);
    await train(other, { threads: 3, readsMax: 4 });
    const losses = recordedLosses(folder);
    expect(losses).toHaveLength(7);
    expect(recordedLosses(other)).toEqual(losses);
    expect(savedState(other, 7).equals(savedState(folder, 7))).toBe(true);
    for (const batchSize of [1, 4]) {
      const accumulated = newFolder();
      await train(accumulated, { batchSize });
      for (const [index, loss] of recordedLosses(accumulated).entries())
        expect(Math.abs(loss / (losses[index] ?? 0) - 1)).toBeLessThan(1e-5);
    }
  });

  test('a stopped run resumes with the bits of the unbroken run', async () => {
    const [whole, broken] = [newFolder(), newFolder()];
    await train(whole);
    const stop = new AbortController();
    const tracker = {
      record: ({ step }: { step: number }) => (step === 3 ? stop.abort() : undefined),
      close: () => undefined,
    };
    const first = await train(broken, { trackers: [tracker] }, stop.signal);
    expect(first).toMatchObject({ step: 3, isComplete: false });
    expect(await train(broken, { begin: 'resume' })).toMatchObject({ step: 7, isComplete: true });
    expect(recordedLosses(broken)).toEqual(recordedLosses(whole));
    expect(savedState(broken, 7).equals(savedState(whole, 7))).toBe(true);
  });

  test('training beside a producer equals training from stored features', async () => {
    const [stored, live] = [newFolder(), newFolder()];
    await train(stored, { epochs: 1 });
    const flow = await besideProducer(example, live, { draft });
    const report = await exampleTrainer(example, live, flow, { draft }).fit();
    expect(report).toMatchObject({ step: 3, samples: 12, isComplete: true });
    expect(recordedLosses(live)).toEqual(recordedLosses(stored));
    expect(savedState(live, 3).equals(savedState(stored, 3))).toBe(true);
  });
});
