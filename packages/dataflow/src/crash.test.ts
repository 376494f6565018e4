/**
 * A whole run under crashes: store, ledger, controller and loader on a disk that forgets what was not synced. The process
 * ends between any two operations of files, ledger and checkpoints, and starts again from its checkpoint. However often
 * that happens, the weights must have seen every sample of the plan once and in order, and nothing may be left on the disk.
 */
import { seconds } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { expect, test } from 'vitest';
import { DataFlowController } from './control/data-flow-controller.ts';
import type { FailedPrompt, Ledger, PlannedRef } from './control/ledger.ts';
import { MemoryLedger } from './control/memory-ledger.ts';
import { FeatureDataLoader } from './loader/feature-data-loader.ts';
import { freeFeatures } from './loader/free-features.ts';
import { DirectoryStore } from './store/directory-store.ts';
import { contract, examplePut, exampleTask } from './store/samples.test-data.ts';
import { Crash, SimulatedDisk, type SimulatedProcess } from './store/simulated-disk.test-data.ts';

const planLength = 11;
const quantum = 2;

/** A durable ledger of a process that may end before or after each transaction. */
class CrashingLedger implements Ledger {
  readonly #ledger: Ledger;
  readonly #step: () => void;

  constructor(ledger: Ledger, step: () => void) {
    this.#ledger = ledger;
    this.#step = step;
  }

  #run(transaction: () => void): void {
    this.#step();
    transaction();
    this.#step();
  }

  commit(refs: readonly PlannedRef[]): void {
    this.#run(() => this.#ledger.commit(refs));
  }
  train(sampleIds: readonly string[], step: number): void {
    this.#run(() => this.#ledger.train(sampleIds, step));
  }
  drop(sampleIds: readonly string[]): void {
    this.#run(() => this.#ledger.drop(sampleIds));
  }
  free(sampleIds: readonly string[]): void {
    this.#run(() => this.#ledger.free(sampleIds));
  }
  requeue(sampleIds: readonly string[]): void {
    this.#run(() => this.#ledger.requeue(sampleIds));
  }
  discard(sampleIds: readonly string[]): void {
    this.#run(() => this.#ledger.discard(sampleIds));
  }
  fail(failure: FailedPrompt): void {
    this.#run(() => this.#ledger.fail(failure));
  }
  read(): ReturnType<Ledger['read']> {
    return this.#ledger.read();
  }
  close(): void {
    this.#ledger.close();
  }
}

/** What survives a crash: the disk, the ledger, and the checkpoint with the samples that its weights have seen. */
interface Machine {
  readonly random: Random;
  readonly disk: SimulatedDisk;
  readonly ledger: Ledger;
  checkpoint: { readonly step: number; readonly seen: readonly string[] };
  starts: number;
}

function makeMachine(seed: number): Machine {
  const random = seededRandom(seed);
  const disk = new SimulatedDisk(random);
  return { random, disk, ledger: new MemoryLedger(), checkpoint: { step: 0, seen: [] }, starts: 0 };
}

/** One life of the process: from the checkpoint to the end of the plan, or to the crash. */
async function live(machine: Machine, { fileSystem, step: count }: SimulatedProcess): Promise<void> {
  machine.starts++;
  const store = await DirectoryStore.open({
    folder: '/features',
    retention: 'abort',
    bytesMax: 1e6,
    writer: machine.starts.toString(16).padStart(16, '0'),
    nowSeconds: () => 1,
    fileSystem,
  });
  const run = new DataFlowController({
    contract,
    ledger: new CrashingLedger(machine.ledger, count),
    clock: { now: () => seconds(0) },
    quantum,
    limits: { samplesHigh: 6, samplesLow: 3, bytes: null },
    attemptsMax: 3,
    leaseSeconds: 60,
    failedPromptsMax: 0,
    freeAfter: 'checkpoint',
    resume: machine.starts === 1 ? null : { checkpointStep: machine.checkpoint.step },
  });
  run.addPrompts(Array.from({ length: planLength }, (_, index) => exampleTask(index)));
  run.closePlan();
  await store.gc({
    ageSecondsMin: 0,
    isNeeded: (sampleId, generation) => run.isNeeded(sampleId, generation),
  });
  await freeFeatures(run, store);
  const producing = produce(run, store);
  producing.catch(() => undefined);
  await train(machine, { run, store, count });
  await producing;
  await freeFeatures(run, store);
}

async function produce(run: DataFlowController, store: DirectoryStore): Promise<void> {
  while (run.status().prompts.waiting > 0) {
    const prompts = run.leasePrompts('producer', 3);
    if (prompts.length === 0) {
      await run.nextChange();
      continue;
    }
    const refs = [];
    for (const { task } of prompts) refs.push(await store.put(examplePut(task.planIndex)));
    for (const ref of run.commit(refs).superfluous) await store.abort(ref);
  }
}

interface Trainer {
  readonly run: DataFlowController;
  readonly store: DirectoryStore;
  readonly count: () => void;
}

async function train(machine: Machine, { run, store, count }: Trainer): Promise<void> {
  const seen = [...machine.checkpoint.seen];
  let { step } = machine.checkpoint;
  let window: string[] = [];
  const save = (): void => {
    count();
    machine.checkpoint = { step, seen: [...seen] };
    count();
    run.checkpointSaved(step);
  };
  const loader = new FeatureDataLoader({ store, source: run, batchSize: 1, readsMax: 2 });
  for await (const batch of loader.batches()) {
    window.push(...batch.refs.map(({ sampleId }) => sampleId));
    if (!batch.endsWindow) continue;
    step++;
    seen.push(...window);
    run.acknowledge(window, step);
    window = [];
    if (step % 2 === 0) {
      save();
      await freeFeatures(run, store);
    }
  }
  save();
}

/** Ends the process if nothing happens any more: a producer or trainer of a dead process may wait for ever. */
async function liveOrCrash(machine: Machine, process: SimulatedProcess): Promise<boolean> {
  const living = live(machine, process);
  const dead = (async () => {
    while (!process.hasCrashed()) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    throw new Crash('the process has ended');
  })();
  try {
    await Promise.race([living, dead]);
    return true;
  } catch (error) {
    if (!process.hasCrashed()) throw error;
    living.catch(() => undefined);
    return false;
  } finally {
    dead.catch(() => undefined);
  }
}

async function expectWhole(machine: Machine): Promise<void> {
  const trained = planLength - (planLength % quantum);
  const expected = Array.from({ length: trained }, (_, index) => `run:task-${index}`);
  expect(machine.checkpoint.seen).toEqual(expected);
  expect(machine.disk.fileNames).toEqual([]);
  const states = machine.ledger.read().samples.map(({ state }) => state);
  expect(states).toEqual(Array.from({ length: planLength }, () => 'freed'));
}

test('a crash after any number of operations: nothing lost, nothing trained twice, nothing left', async () => {
  let isComplete = false;
  for (let operations = 1; !isComplete; operations++) {
    const machine = makeMachine(operations);
    isComplete = await liveOrCrash(machine, machine.disk.boot(operations));
    if (!isComplete) expect(await liveOrCrash(machine, machine.disk.boot())).toBe(true);
    await expectWhole(machine);
    expect(operations).toBeLessThan(1000);
  }
});

test('many crashes of one run, at random places', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const machine = makeMachine(seed);
    let isComplete = false;
    while (!isComplete) {
      // Later lives are longer, so that each run ends.
      const operations = randomInteger(machine.random, 1, 20 + 10 * machine.starts);
      isComplete = await liveOrCrash(machine, machine.disk.boot(operations));
    }
    await expectWhole(machine);
  }
});
