import { mkdtemp, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seconds } from '@plimsoll/foundation';
import { afterEach, expect, test } from 'vitest';
import type { SampleRef } from '../contracts/sample-ref.ts';
import { DataFlowController } from '../control/data-flow-controller.ts';
import { MemoryLedger } from '../control/memory-ledger.ts';
import { DirectoryStore } from '../store/directory-store.ts';
import type { FeatureStore, Retention } from '../store/feature-store.ts';
import { contract, examplePut, exampleTask } from '../store/samples.test-data.ts';
import { FeatureDataLoader, type LoadedBatch } from './feature-data-loader.ts';
import { RefList } from './window-source.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function openStore(retention: Retention = 'abort'): Promise<DirectoryStore> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-loader-'));
  folders.push(folder);
  const writer = '0'.repeat(16);
  return DirectoryStore.open({
    folder,
    retention,
    bytesMax: 1e6,
    writer,
    nowSeconds: () => Date.now() / 1000,
  });
}

async function putAll(store: FeatureStore, count: number): Promise<readonly SampleRef[]> {
  const refs: SampleRef[] = [];
  for (let index = 0; index < count; index++) refs.push(await store.put(examplePut(index, 2 + (index % 3))));
  return refs;
}

const idsOf = ({ refs }: LoadedBatch): string => refs.map(({ taskId }) => taskId.replace('task-', '')).join();

async function collect(loader: FeatureDataLoader): Promise<readonly LoadedBatch[]> {
  const batches: LoadedBatch[] = [];
  for await (const batch of loader.batches()) batches.push(batch);
  return batches;
}

test('a list of refs becomes padded batches in order; the tail is dropped', async () => {
  const store = await openStore();
  const refs = await putAll(store, 7);
  const batches = await collect(
    new FeatureDataLoader({ store, source: new RefList(refs, 4), batchSize: 2, readsMax: 3 }),
  );
  expect(batches.map((batch) => [idsOf(batch), batch.endsWindow])).toEqual([
    ['0,1', false],
    ['2,3', true],
  ]);
  // Samples 2 and 3 have 4 and 2 tokens.
  const { hidden, 'input-ids': ids } = batches[1]?.tensors ?? {};
  expect([hidden?.shape, ids?.shape]).toEqual([
    [2, 4, 12],
    [2, 4, 1],
  ]);
  const row = examplePut(3, 2).features.hidden?.data ?? new Uint8Array();
  const padded = new Uint8Array(4 * 12 * 4);
  padded.set(row);
  expect(hidden?.data.slice(padded.byteLength)).toEqual(padded);
  expect((await store.status()).leases).toBe(0);
});

test('seek continues at a window without touching the samples before it', async () => {
  const store = await openStore();
  const refs = await putAll(store, 6);
  for (const ref of refs.slice(0, 4)) await store.abort(ref);
  const source = new RefList(refs, 2);
  source.seek(4);
  const loader = new FeatureDataLoader({ store, source, batchSize: 1, readsMax: 2 });
  expect((await collect(loader)).map(idsOf)).toEqual(['4', '5']);
  expect(() => source.seek(3)).toThrow('no window begins at sample 3 of 6');
});

test('samples of another form, and windows that batches do not divide, are refused without leases', async () => {
  const store = await openStore();
  const [first, second] = await putAll(store, 1);
  expect(second).toBeUndefined();
  const other = examplePut(1);
  const { 'input-ids': ids, ...features } = other.features;
  expect(ids).toBeDefined();
  const mixed = [first, await store.put({ ...other, features })].filter((ref) => ref !== undefined);
  const make = (batchSize: number) =>
    new FeatureDataLoader({ store, source: new RefList(mixed, 2), batchSize, readsMax: 2 });
  await expect(collect(make(2))).rejects.toMatchObject({ code: 'mixed-batch' });
  const refs = await putAll(store, 2);
  const uneven = new FeatureDataLoader({ store, source: new RefList(refs, 2), batchSize: 3, readsMax: 2 });
  await expect(collect(uneven)).rejects.toMatchObject({ code: 'bad-batch-size' });
  expect((await store.status()).leases).toBe(0);
});

test('a missing sample of a list is an error that names it', async () => {
  const store = await openStore();
  const refs = await putAll(store, 2);
  for (const ref of refs.slice(1)) await store.abort(ref);
  const loader = new FeatureDataLoader({ store, source: new RefList(refs, 2), batchSize: 1, readsMax: 2 });
  await expect(collect(loader)).rejects.toMatchObject({ code: 'unreadable-features' });
  expect((await store.status()).leases).toBe(0);
});

function makeRun(planLength: number): DataFlowController {
  const run = new DataFlowController({
    contract,
    ledger: new MemoryLedger(),
    clock: { now: () => seconds(0) },
    quantum: 2,
    limits: { samplesHigh: 8, samplesLow: 4, bytes: null },
    attemptsMax: 3,
    leaseSeconds: 60,
    failedPromptsMax: 0,
    freeAfter: 'step',
    resume: null,
  });
  run.addPrompts(Array.from({ length: planLength }, (_, index) => exampleTask(index)));
  run.closePlan();
  return run;
}

async function capture(run: DataFlowController, store: FeatureStore): Promise<readonly SampleRef[]> {
  const refs: SampleRef[] = [];
  for (const { task } of run.leasePrompts('producer', 100))
    refs.push(await store.put(examplePut(task.planIndex)));
  run.commit(refs);
  return refs;
}

/** Acknowledges every window, and returns the batches that it saw. */
async function trainAll(run: DataFlowController, loader: FeatureDataLoader): Promise<readonly string[]> {
  const seen: string[] = [];
  let window: string[] = [];
  let step = run.status().lastStep;
  for await (const batch of loader.batches()) {
    seen.push(idsOf(batch));
    window.push(...batch.refs.map(({ sampleId }) => sampleId));
    if (!batch.endsWindow) continue;
    run.acknowledge(window, ++step);
    window = [];
  }
  return seen;
}

test('a torn file goes back to the producer before the trainer sees a batch of its window', async () => {
  const store = await openStore();
  const run = makeRun(4);
  const refs = await capture(run, store);
  await truncate(fileURLToPath(refs[1]?.file.address ?? ''), 100);
  const loader = new FeatureDataLoader({ store, source: run, batchSize: 1, readsMax: 2 });
  const training = trainAll(run, loader);
  while (run.status().prompts.waiting === 0) await run.nextChange();
  const again = run.leasePrompts('producer', 100);
  expect(again.map(({ task, attempt }) => [task.planIndex, attempt])).toEqual([[1, 2]]);
  run.commit([await store.put(examplePut(1))]);
  expect(await training).toEqual(['0', '1', '2', '3']);
  expect((await store.status()).leases).toBe(0);
});

test('a trainer that stops early gives its windows back, and consumed features alone are freed', async () => {
  const store = await openStore('release');
  const run = makeRun(6);
  await capture(run, store);
  const loader = new FeatureDataLoader({ store, source: run, batchSize: 1, readsMax: 2 });
  let batches = 0;
  for await (const batch of loader.batches()) {
    batches++;
    if (batch.endsWindow) run.acknowledge(['run:task-0', 'run:task-1'], 1);
    if (batches === 3) break; // within the second window, while the third is read
  }
  while (run.status().samples.ready < 4) await run.nextChange();
  expect(run.status().samples).toMatchObject({ ready: 4, training: 0 });
  expect(await store.status()).toMatchObject({ samples: 4, leases: 0 });
  expect(
    await trainAll(run, new FeatureDataLoader({ store, source: run, batchSize: 2, readsMax: 1 })),
  ).toEqual(['2,3', '4,5']);
  expect(await store.status()).toMatchObject({ samples: 0, leases: 0 });
});

test('close ends a loader whose read hangs', async () => {
  const store = await openStore();
  const run = makeRun(2);
  await capture(run, store);
  let finish = (): void => undefined;
  const hang = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const slow: FeatureStore = {
    put: (request) => store.put(request),
    get: async (ref) => {
      await hang;
      return store.get(ref);
    },
    release: (handle, use) => store.release(handle, use),
    abort: (ref) => store.abort(ref),
    adopt: (ref) => store.adopt(ref),
    gc: (rule) => store.gc(rule),
    status: () => store.status(),
  };
  const loader = new FeatureDataLoader({ store: slow, source: run, batchSize: 1, readsMax: 2 });
  const collecting = collect(loader);
  loader.close();
  expect(await collecting).toEqual([]);
  finish();
  while (run.status().samples.ready < 2) await run.nextChange();
  expect((await store.status()).leases).toBe(0);
  expect(await readdir(folders[0] ?? '')).toHaveLength(2);
});
