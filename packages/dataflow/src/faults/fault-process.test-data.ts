/**
 * A producer or a trainer as a process of its own, for kill-runs.test-data.ts. Each line of its output is a point at which the
 * harness may kill it.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicClock } from '@plimsoll/foundation';
import { DataFlowController } from '../control/data-flow-controller.ts';
import type { ProducerLink } from '../control/producer-link.ts';
import { SqliteLedger } from '../control/sqlite-ledger.ts';
import { FeatureDataLoader } from '../loader/feature-data-loader.ts';
import { freeFeatures } from '../loader/free-features.ts';
import { NatsLink } from '../nats/nats-connection.ts';
import { NatsProducerLink } from '../nats/nats-producer-link.ts';
import { NatsRun } from '../nats/nats-run.ts';
import { DirectoryStore } from '../store/directory-store.ts';
import { contract, examplePut, exampleTask } from '../store/samples.test-data.ts';

export interface FaultSettings {
  readonly role: 'trainer' | 'producer';
  readonly server: string;
  readonly folder: string;
  readonly runId: string;
  readonly worker: string;
  readonly planLength: number;
  readonly quantum: number;
}

/** What the weights of a checkpoint have seen. */
export interface FaultCheckpoint {
  readonly step: number;
  readonly seen: readonly string[];
}

const attemptsMax = 100;
const settings: FaultSettings = JSON.parse(process.argv[2] ?? '{}');
const { folder, runId, planLength, quantum } = settings;
const ownContract = { ...contract, runId };
const checkpointPath = join(folder, 'checkpoint.json');

function tell(point: string): void {
  process.stdout.write(`${point}\n`);
}

function openStore(): Promise<DirectoryStore> {
  return DirectoryStore.open({
    folder: join(folder, 'features'),
    retention: 'abort',
    bytesMax: 1e8,
    writer: settings.worker,
    nowSeconds: () => Date.now() / 1000,
  });
}

function readCheckpoint(): FaultCheckpoint | null {
  try {
    return JSON.parse(readFileSync(checkpointPath, 'utf8'));
  } catch {
    return null;
  }
}

function saveCheckpoint(checkpoint: FaultCheckpoint): void {
  writeFileSync(`${checkpointPath}.unfinished`, JSON.stringify(checkpoint));
  renameSync(`${checkpointPath}.unfinished`, checkpointPath);
}

async function produce(link: NatsLink): Promise<void> {
  const store = await openStore();
  const options = { link, contract: ownContract, store, worker: settings.worker, startSeconds: 60 };
  const producer: ProducerLink = await NatsProducerLink.open(options);
  for (;;) {
    tell('asks');
    const prompts = await producer.nextPrompts(3);
    if (prompts === null) return;
    for (const { task } of prompts) {
      tell(`leased ${task.planIndex}`);
      await sleep(2);
      const put = examplePut(task.planIndex);
      const sample = { ...put.sample, runId, sampleId: `${runId}:${task.taskId}` };
      const ref = await store.put({ ...put, sample });
      tell(`put ${task.planIndex}`);
      await producer.commit([ref]);
      tell(`committed ${task.planIndex}`);
    }
  }
}

async function train(link: NatsLink): Promise<void> {
  const store = await openStore();
  const start = readCheckpoint();
  if (start === null) saveCheckpoint({ step: 0, seen: [] });
  let step = start?.step ?? 0;
  const seen = [...(start?.seen ?? [])];
  const run = new DataFlowController({
    contract: ownContract,
    ledger: new SqliteLedger(join(folder, 'ledger.sqlite')),
    clock: monotonicClock,
    quantum,
    limits: { samplesHigh: 8, samplesLow: 4, bytes: null },
    attemptsMax,
    leaseSeconds: 60,
    failedPromptsMax: 0,
    freeAfter: 'checkpoint',
    resume: start === null ? null : { checkpointStep: step },
  });
  run.addPrompts(Array.from({ length: planLength }, (_, index) => ({ ...exampleTask(index), runId })));
  run.closePlan();
  await freeFeatures(run, store);
  const terms = { quantum, attemptsMax };
  const served = await NatsRun.open({ link, run, runId, store, terms, leaseSeconds: 5, promptsMax: 8 });
  tell('open');
  const save = async (): Promise<void> => {
    saveCheckpoint({ step, seen });
    tell(`saved ${step}`);
    run.checkpointSaved(step);
    await freeFeatures(run, store);
    tell('freed');
  };
  const loader = new FeatureDataLoader({ store, source: run, batchSize: quantum, readsMax: 2 });
  for await (const { refs } of loader.batches()) {
    const ids = refs.map(({ sampleId }) => sampleId);
    tell('window');
    step++;
    seen.push(...ids);
    run.acknowledge(ids, step);
    tell(`trained ${step}`);
    if (step % 2 === 0) await save();
  }
  await save();
  await served.finish(30);
  // Producers that were killed between a put and its commit leave features that no ledger names.
  await store.gc({
    ageSecondsMin: 0,
    isNeeded: (sampleId, generation) => run.isNeeded(sampleId, generation),
  });
  tell('end');
}

const link = await NatsLink.connect({
  servers: [settings.server],
  token: null,
  patienceSeconds: 60,
  requestSeconds: 1,
});
await (settings.role === 'trainer' ? train(link) : produce(link));
await link.close();
