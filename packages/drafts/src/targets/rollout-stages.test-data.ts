/** For tests: runs whose producers are in the same process, or reach it through a real NATS server. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DataFlowController,
  DirectoryStore,
  FeatureDataLoader,
  freeFeatures,
  LocalProducerLink,
  MemoryLedger,
  type ProducerLink,
  type PromptTask,
} from '@plimsoll/dataflow';
import { NatsProducerLink, NatsRun } from '@plimsoll/dataflow/nats';
import { natsServer, startNatsServer, type TestNatsServer } from '@plimsoll/dataflow/testing';
import { monotonicClock } from '@plimsoll/foundation';
import { captureContract } from './sample-features.ts';
import type { TargetEngine } from './target-engine.ts';
import { identity, plan } from './targets.test-data.ts';

export interface Stage {
  readonly run: DataFlowController;
  readonly store: DirectoryStore;
  openLink(worker: string): Promise<ProducerLink>;
}

export interface StageSetting {
  readonly prompts: number;
  readonly failedPromptsMax?: number;
}

type CleanUps = (() => Promise<unknown>)[];

export function task(runId: string, planIndex: number): PromptTask {
  const inputIds = Array.from(
    { length: 5 + (planIndex % 7) },
    (_, token) => 5 + ((token * 13 + planIndex * 3) % 200),
  );
  return {
    ...{ runId, taskId: `p${planIndex}`, planIndex, sourceId: `line ${planIndex}`, inputIds },
    ...{ lossMask: inputIds.map((_, token) => Number(token > 1)), tokensMax: 64, chatTemplate: null },
    ...{ target: identity, tokenizerVersion: 't', metadata: {} },
  };
}

let runs = 0;
/** Starts with the first stage that needs it. */
let server: Promise<TestNatsServer> | null = null;

export class Stages {
  readonly #engine: TargetEngine;
  readonly #cleanUps: CleanUps = [];

  constructor(engine: TargetEngine) {
    this.#engine = engine;
  }

  async inProcess(setting: StageSetting): Promise<Stage> {
    const { run, store } = await this.#start(setting);
    return { run, store, openLink: async (worker) => new LocalProducerLink({ run, store, worker }) };
  }

  async throughNats(setting: StageSetting): Promise<Stage> {
    const { run, store, runId, contract } = await this.#start(setting);
    server ??= startNatsServer(natsServer ?? '');
    const { connect } = await server;
    const terms = { quantum, attemptsMax };
    const queues = { leaseSeconds: 60, promptsMax: 8 };
    const served = await NatsRun.open({ link: await connect(), run, runId, store, terms, ...queues });
    this.#cleanUps.push(() => served.finish(0));
    const openLink = async (worker: string) =>
      NatsProducerLink.open({ link: await connect(), contract, store, worker, startSeconds: 10 });
    return { run, store, openLink };
  }

  /** Ends the runs of a test. */
  async clear(): Promise<void> {
    for (const cleanUp of this.#cleanUps.splice(0).toReversed()) await cleanUp();
  }

  async close(): Promise<void> {
    await (await server)?.remove();
    server = null;
  }

  async #start({ prompts, failedPromptsMax = 0 }: StageSetting) {
    const runId = `rollout-${++runs}`;
    const folder = await mkdtemp(join(tmpdir(), 'plimsoll-rollout-'));
    this.#cleanUps.push(() => rm(folder, { recursive: true }));
    const contract = captureContract(plan, this.#engine, { runId, tokenizerVersion: 't' });
    const limits = { samplesHigh: 64, samplesLow: 32, bytes: null };
    const run = new DataFlowController({
      ...{ contract, ledger: new MemoryLedger(), clock: monotonicClock, quantum, attemptsMax, limits },
      ...{ leaseSeconds: 60, failedPromptsMax, freeAfter: 'step', resume: null },
    });
    run.addPrompts(Array.from({ length: prompts }, (_, index) => task(runId, index)));
    run.closePlan();
    const nowSeconds = () => Date.now() / 1000;
    const place = { folder, bytesMax: 2 ** 30, writer: '0'.repeat(16), nowSeconds };
    return { run, runId, contract, store: await DirectoryStore.open({ ...place, retention: 'abort' }) };
  }
}

const quantum = 4;
const attemptsMax = 3;

/** Trains the whole run. Returns the features of a batch by name, and task ids in the order of training. */
export async function train({ run, store }: Stage) {
  const loader = new FeatureDataLoader({ store, source: run, batchSize: 2, readsMax: 2 });
  const order: string[] = [];
  let features: readonly string[] = [];
  let step = 0;
  let window: string[] = [];
  for await (const batch of loader.batches()) {
    features = Object.keys(batch.tensors).toSorted();
    order.push(...batch.refs.map(({ taskId }) => taskId));
    window.push(...batch.refs.map(({ sampleId }) => sampleId));
    if (!batch.endsWindow) continue;
    run.acknowledge(window, ++step);
    window = [];
    await freeFeatures(run, store);
  }
  await freeFeatures(run, store);
  run.checkIntegrity();
  return { order, features };
}
