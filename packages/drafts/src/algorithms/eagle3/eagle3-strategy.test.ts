import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defined } from '@plimsoll/foundation';
import {
  CheckpointManager,
  createDoubleArena,
  createTrainingArena,
  TrainerCore,
  type TrainingArena,
} from '@plimsoll/training';
import { usualAdamW } from '@plimsoll/training/optimizer';
import { afterEach, expect, test } from 'vitest';
import type { Features } from '../feature-values.ts';
import { sampleOf } from '../torch-reference.test-data.ts';
import { exampleBatch, exampleStrategy, fillWeights } from './eagle3.test-data.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const settings = {
  adamW: usualAdamW,
  schedule: { peak: 1e-2, kind: 'cosine', totalSteps: 8, warmupRatio: 0.25 },
  gradientNormMax: 0.5,
} as const;

const batch = exampleBatch();
const windows: readonly (readonly Features[])[] = [
  [sampleOf(batch, 0), sampleOf(batch, 1)],
  [sampleOf(batch, 0)],
];

function bitsOf(arena: TrainingArena): Uint8Array {
  const weights = arena.flat('parameters');
  return new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength).slice();
}

async function openRun(threads: number) {
  const strategy = exampleStrategy(1);
  const arena = await createTrainingArena(strategy.plan, strategy.parameters, threads);
  fillWeights(strategy, arena);
  return { strategy, arena };
}

test('a window of two microbatches equals one batch of both', () => {
  const run = (sequences: number, window: readonly Features[]) => {
    const strategy = exampleStrategy(sequences);
    const arena = createDoubleArena(strategy.plan, strategy.parameters);
    fillWeights(strategy, arena);
    const core = new TrainerCore(arena, strategy, settings);
    const outcomes = [1, 2, 3].map(() => core.trainStep(window));
    return { outcomes, weights: Float64Array.from(arena.flat('parameters')) };
  };
  const [large, accumulated] = [run(2, [batch]), run(1, windows[0] ?? [])];
  for (const [index, outcome] of large.outcomes.entries()) {
    expect(accumulated.outcomes[index]?.loss).toBeCloseTo(outcome.loss, 12);
    expect(accumulated.outcomes[index]?.gradientNorm).toBeCloseTo(outcome.gradientNorm, 11);
  }
  // AdamW divides by the root of a square, which amplifies the rounding of gradients that are almost zero.
  for (const [i, weight] of large.weights.entries()) expect(accumulated.weights[i]).toBeCloseTo(weight, 7);
});

test('a resumed run has the bits of the unbroken run, on another number of threads', async () => {
  const whole = await openRun(1);
  const core = new TrainerCore(whole.arena, whole.strategy, settings);
  const losses = Array.from({ length: 6 }, (_, step) => core.trainStep(windows[step % 2] ?? []).loss);
  expect(losses.at(-1)).toBeLessThan(losses[1] ?? 0);

  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-checkpoints-'));
  folders.push(folder);
  const checkpoints = new CheckpointManager({ folder, contract: { batch_size: 1 }, kept: 0 });
  const first = await openRun(2);
  const started = new TrainerCore(first.arena, first.strategy, settings);
  for (let step = 0; step < 3; step++) started.trainStep(windows[step % 2] ?? []);
  await checkpoints.save(first.arena, { step: 3, samples: 5 });

  const second = await openRun(2);
  const position = await checkpoints.load(second.arena);
  expect(position).toEqual({ step: 3, samples: 5 });
  const resumed = new TrainerCore(second.arena, second.strategy, settings, position?.step);
  const rest = [3, 4, 5].map((step) => resumed.trainStep(windows[step % 2] ?? []).loss);
  expect(rest).toEqual(losses.slice(3));
  expect(Buffer.compare(bitsOf(second.arena), bitsOf(whole.arena))).toBe(0);
  for (const { arena } of [whole, first, second]) await arena.close();
});

test('features that are not finite stop the run before they reach a weight', async () => {
  const { strategy, arena } = await openRun(1);
  const core = new TrainerCore(arena, strategy, settings);
  const before = bitsOf(arena);
  const poisoned = structuredClone(sampleOf(batch, 0));
  const states = poisoned.tensors.layer_states;
  if (states !== undefined)
    new DataView(states.data.buffer, states.data.byteOffset).setFloat32(0, Number.NaN, true);
  expect(() => core.trainStep([poisoned])).toThrowError(
    expect.objectContaining({ code: 'training-diverged' }),
  );
  expect(core.step).toBe(0);
  expect(Buffer.compare(bitsOf(arena), before)).toBe(0);
  await arena.close();
});

test('batches that no bucket holds, missing features, foreign widths and tokens are refused', async () => {
  const { strategy, arena } = await openRun(1);
  const prepare = (tensors: Features['tensors']) => () =>
    strategy.prepare(arena, { tensors, refs: batch.refs }, 1);
  const { tensors } = sampleOf(batch, 0);
  const ids = { dtype: 'I32', shape: [1, 17, 1], data: new Uint8Array(68) } as const;
  expect(prepare({ ...tensors, input_ids: ids })).toThrowError(
    expect.objectContaining({ code: 'batch-too-long' }),
  );
  const { final_states: removed, ...others } = tensors;
  expect(removed).toBeDefined();
  expect(prepare(others)).toThrowError(expect.objectContaining({ code: 'missing-feature' }));
  const narrow = defined(tensors.layer_states, 'the batch has states');
  expect(prepare({ ...tensors, final_states: narrow })).toThrowError(
    expect.objectContaining({ code: 'feature-mismatch', value: 36, limit: 12 }),
  );
  const foreign = { ...defined(tensors.input_ids, 'the batch has tokens') };
  foreign.data = Uint8Array.from(foreign.data).fill(37, 4, 5);
  expect(prepare({ ...tensors, input_ids: foreign })).toThrowError(
    expect.objectContaining({ code: 'foreign-token', value: 37, limit: 36 }),
  );
  await arena.close();
});
