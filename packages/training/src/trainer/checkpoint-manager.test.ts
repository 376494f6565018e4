import { mkdtemp, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { planArena } from '../tape/arena-plan.ts';
import { ParameterSet } from '../tape/parameter-set.ts';
import { createTrainingArena, type TrainingArena } from '../tape/training-arena.ts';
import { CheckpointManager } from './checkpoint-manager.ts';

let folder = '';
let arena: TrainingArena;

async function openArena(rows: number): Promise<TrainingArena> {
  const parameters = new ParameterSet();
  parameters.trained('weight', rows, 16);
  return createTrainingArena(planArena(parameters, []), parameters, 1);
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-checkpoints-'));
  arena = await openArena(4);
});
afterEach(async () => {
  await arena.close();
  await rm(folder, { recursive: true });
});

const contract = { algorithm: 'eagle3', batch_size: 4, target: 'abc' };

function open(change: Readonly<Record<string, string | number>> = {}, kept = 0): CheckpointManager {
  return new CheckpointManager({ folder, contract: { ...contract, ...change }, kept });
}

async function save(checkpoints: CheckpointManager, step: number): Promise<void> {
  arena.flat('parameters').fill(step);
  arena.flat('secondMoments').fill(-step);
  await checkpoints.save(arena, { step, samples: 10 * step });
}

test('a checkpoint holds weights and moments, and loads into another arena', async () => {
  expect(await open().load(arena)).toBeNull();
  await save(open(), 3);
  const other = await openArena(4);
  expect(await open().load(other)).toEqual({ step: 3, samples: 30 });
  for (const range of ['parameters', 'firstMoments', 'secondMoments'] as const)
    expect(other.flat(range)).toEqual(arena.flat(range));
  await other.close();
});

test('rotation keeps the newest and the best; a rewound run removes the steps ahead of it', async () => {
  const checkpoints = open({}, 2);
  await save(checkpoints, 1);
  await checkpoints.markBest(1, { name: 'accepted', value: 0.5 });
  for (const step of [2, 3, 4]) await save(checkpoints, step);
  expect(await checkpoints.steps()).toEqual([1, 3, 4]);
  expect(await checkpoints.best()).toBe(1);
  expect(await checkpoints.bestMetric()).toEqual({ step: 1, value: 0.5 });
  await save(checkpoints, 2);
  expect(await checkpoints.steps()).toEqual([1, 2]);
  await rm(join(folder, 'step-1'), { recursive: true });
  expect(await checkpoints.best()).toBeNull();
  await writeFile(join(folder, 'best.json'), '{"step": 2');
  expect(await checkpoints.best()).toBeNull();
});

test('a save that ended early leaves no checkpoint, and the next save replaces its rest', async () => {
  const checkpoints = open();
  await save(checkpoints, 1);
  await rename(join(folder, 'step-1'), join(folder, '.step-1.partial'));
  expect(await checkpoints.steps()).toEqual([]);
  await save(checkpoints, 1);
  expect(await readdir(folder)).toEqual(['step-1']);
});

test.each([
  [{ batch_size: 8 }, 'batch_size is 8 in this run and 4 in the checkpoint'],
  [{ target: 'abd' }, 'target is abd in this run and abc in the checkpoint'],
  [{ seed: 1 }, 'seed is 1 in this run and absent in the checkpoint'],
])('a run with %o does not resume', async (change, message) => {
  await save(open(), 1);
  await expect(open(change).load(arena)).rejects.toMatchObject({ code: 'resume-contract-changed', message });
});

test('damaged and foreign checkpoints are refused by name, and change no weight', async () => {
  const checkpoints = open();
  await save(checkpoints, 1);
  const other = await openArena(5);
  await expect(checkpoints.load(other)).rejects.toMatchObject({
    code: 'checkpoint-mismatch',
    value: 64,
    limit: 80,
  });
  await other.close();
  arena.flat('parameters').fill(7);
  await truncate(join(folder, 'step-1', 'state.bin'), 100);
  await expect(checkpoints.load(arena)).rejects.toMatchObject({ code: 'checkpoint-damaged' });
  for (const text of ['', '[]', '{"formatVersion": 2}', 'null']) {
    await writeFile(join(folder, 'step-1', 'state.json'), text);
    await expect(checkpoints.load(arena), text).rejects.toMatchObject({ code: 'checkpoint-damaged' });
  }
  expect(arena.flat('parameters').every((value) => value === 7)).toBe(true);
});
