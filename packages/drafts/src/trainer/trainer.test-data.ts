/** For tests: small runs against a real target, from stored features or beside its producer; of EAGLE3 unless a test asks. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type DataFlowController,
  DirectoryStore,
  type FeatureStore,
  LocalProducerLink,
  type PromptTask,
  type SampleRef,
} from '@plimsoll/dataflow';
import { openModel } from '@plimsoll/engine';
import { defined, monotonicClock } from '@plimsoll/foundation';
import { usualAdamW } from '@plimsoll/training/optimizer';
import { JsonLinesTracker, type Tracker } from '@plimsoll/training/trainer';
import { knownStrategies } from '../algorithms/known-strategies.ts';
import { readTargetTables, type TargetTables } from '../algorithms/target-tables.ts';
import { VocabularyCounter, type VocabularyMap } from '../data/vocabulary-map.ts';
import type { PlimsollTarget } from '../targets/plimsoll-target.ts';
import { runLocalRollout } from '../targets/rollout.ts';
import { RolloutWorker } from '../targets/rollout-worker.ts';
import { type CapturePlan, captureContract, sampleInput } from '../targets/sample-features.ts';
import { identity } from '../targets/targets.test-data.ts';
import { ledgerRun } from '../topology/ledger-run.ts';
import { liveFlow } from './live-flow.ts';
import { runContract } from './run-contract.ts';
import { storedFlow, storedSteps } from './stored-flow.ts';
import { Trainer, type TrainerOptions } from './trainer.ts';
import type { OpenFlow } from './training-flow.ts';

const modelPath = join(import.meta.dirname, '../../../../fixtures/engine/llama-3/checkpoint');
const shape = { heads: 4, kvHeads: 2, headDim: 16, intermediateSize: 96, layerIds: [0, 2] };

/** A draft to train, and what it is captured from. */
export interface ExampleDraft {
  readonly section: Readonly<Record<string, unknown>>;
  readonly plan: CapturePlan;
}

const eagle3: ExampleDraft = {
  section: { ...shape, tttLength: 3, normOutput: true },
  plan: { strategy: 'eagle3', layerIds: shape.layerIds, hasFinal: true, statesType: 'BF16' },
};
export const { plan } = eagle3;

/** Drafts of blocks of four tokens, with fewer blocks than there is room for. */
export function blockDraft(strategy: 'dflash' | 'domino'): ExampleDraft {
  const own = strategy === 'domino' ? { gruSize: 24, correctionRank: 8 } : {};
  const block = { layerWindows: [null, 6], blockSize: 4, maskTokenId: 319, anchorsMax: 5, gamma: 3 };
  return {
    section: { ...shape, ...block, ...own },
    plan: { strategy, layerIds: shape.layerIds, hasFinal: false, statesType: 'BF16' },
  };
}
const taskCount = 14;
export const quantum = 4;

/** Prompts of different lengths, so that batches have padding. */
export function promptTasks(first = 0, count = taskCount): readonly PromptTask[] {
  return Array.from({ length: count }, (_, planIndex) => {
    const number = first + planIndex;
    const inputIds = Array.from(
      { length: 8 + ((5 * number) % 9) },
      (_, token) => 5 + ((token * 13 + number * 3) % 200),
    );
    return {
      ...{ runId: 'run', taskId: `p${number}`, planIndex, sourceId: `line ${number}`, inputIds },
      ...{ lossMask: inputIds.map((_, token) => Number(token > 2)), tokensMax: 64, chatTemplate: null },
      ...{ target: identity, tokenizerVersion: 't', metadata: {} },
    };
  });
}

export interface Example {
  readonly target: PlimsollTarget;
  readonly tables: TargetTables;
  readonly vocabulary: VocabularyMap;
}

export async function openExample(target: PlimsollTarget): Promise<Example> {
  const counter = new VocabularyCounter(320);
  for (const task of promptTasks()) counter.add(task);
  return { target, tables: await readTargetTables(await openModel(modelPath)), vocabulary: counter.map(128) };
}

let writers = 0;
async function openStore(folder: string): Promise<DirectoryStore> {
  const writer = String(writers++).padStart(16, '0');
  const clock = { nowSeconds: () => Date.now() / 1000 };
  return DirectoryStore.open({ folder, retention: 'abort', bytesMax: 2 ** 30, writer, ...clock });
}

export interface StoredSamples {
  readonly store: FeatureStore;
  readonly refs: readonly SampleRef[];
}

/** Features of prompts as the target computes them, in files of the folder. */
export async function storeSamples(
  { target }: Pick<Example, 'target'>,
  folder: string,
  { tasks = promptTasks(), states = plan }: { tasks?: readonly PromptTask[]; states?: CapturePlan } = {},
): Promise<StoredSamples> {
  const store = await openStore(folder);
  const refs: SampleRef[] = [];
  for (const task of tasks) {
    const [outcome] = await target.capture([task.inputIds], states);
    if (outcome?.kind !== 'captured') throw new Error('the target captures the prompt');
    refs.push(await store.put(sampleInput(task, states, outcome.states)));
  }
  return { store, refs };
}

export interface RunChanges {
  readonly draft?: ExampleDraft;
  readonly batchSize?: number;
  readonly threads?: number;
  readonly readsMax?: number;
  readonly epochs?: number;
  /** Prompts of the plan. */
  readonly count?: number;
  readonly seed?: number;
  readonly begin?: TrainerOptions['begin'];
  readonly heldOut?: StoredSamples | null;
  readonly trackers?: readonly Tracker[];
  readonly cadence?: Partial<TrainerOptions['cadence']>;
}

/** A trainer of the example's draft. Batches of `batchSize` are accumulated to a window of four samples. */
export function exampleTrainer(
  { tables, vocabulary, target }: Example,
  folder: string,
  flow: { readonly steps: number; readonly open: OpenFlow },
  changes: RunChanges = {},
): Trainer {
  const { batchSize = 2, threads = 1, seed = 1, begin = 'new', heldOut = null, trackers = [] } = changes;
  const { section, plan: captured } = changes.draft ?? eagle3;
  const { strategy, layerIds } = captured;
  const size = { hiddenSize: target.hiddenSize, layerCount: target.layerCount, vocabularySize: 320 };
  const inputs = { draft: section, target: size, layerIds, vocabulary, batchSize, lengths: [12, 16] };
  const optimizer = {
    adamW: usualAdamW,
    schedule: { peak: 3e-3, kind: 'cosine', totalSteps: flow.steps, warmupRatio: 0.2 },
    gradientNormMax: 0.5,
  } as const;
  return new Trainer({
    ...{
      strategy: knownStrategies().open(strategy, inputs),
      tables,
      openFlow: flow.open,
      heldOut,
      optimizer,
    },
    contract: runContract({
      ...{ strategy, draft: section, targetSha256: identity.sha256, vocabulary, data: 'example', seed },
      ...{ epochs: changes.epochs ?? 1, batchSize, accumulation: quantum / batchSize, optimizer },
    }),
    ...{ checkpoints: { folder: join(folder, 'checkpoints'), kept: 2 }, begin, seed, threads },
    cadence: { logEvery: 1, saveEvery: 2, evaluateEvery: 0, ...changes.cadence },
    openTrackers: async ({ step }) => [
      ...trackers,
      await JsonLinesTracker.open(join(folder, 'metrics.jsonl'), step),
    ],
    onTrackerFailure: (error) => {
      throw error;
    },
    clock: monotonicClock,
  });
}

export function fromStored({ store, refs }: StoredSamples, changes: RunChanges = {}) {
  const { batchSize = 2, readsMax = 2, epochs = 1, seed = 1 } = changes;
  const strategies = knownStrategies();
  const options = {
    strategies,
    strategy: (changes.draft ?? eagle3).plan.strategy,
    store,
    refs,
    epochs,
    seed,
    batchSize,
    accumulation: quantum / batchSize,
    readsMax,
  };
  return { steps: storedSteps(options), open: storedFlow(options) };
}

/** The controller of the example's run, with its ledger in the folder. */
export function exampleRun(
  { target }: Example,
  folder: string,
  { runId = 'run', count = taskCount, states = plan } = {},
) {
  const tasks = promptTasks(0, count).map((task) => ({ ...task, runId }));
  return ledgerRun({
    contract: captureContract(states, target, { runId, tokenizerVersion: 't' }),
    tasks: async function* () {
      yield* tasks;
    },
    ledgerPath: join(folder, 'ledger.sqlite'),
    ...{ quantum, attemptsMax: 3, leaseSeconds: 60, failedPromptsMax: 0 },
    limits: { samplesHigh: 6, samplesLow: 4, bytes: null },
  });
}

/** Training beside a producer in this process, with a ledger and features that outlive it. */
export async function besideProducer(example: Example, folder: string, changes: RunChanges = {}) {
  const { batchSize = 2, readsMax = 2, count = taskCount, draft: { plan: states } = eagle3 } = changes;
  const { target } = example;
  const store = await openStore(join(folder, 'features'));
  const opened: { run: DataFlowController | null } = { run: null };
  const open = liveFlow({
    ...{ store, batchSize, readsMax },
    openRun: async (resume) => {
      const started = await exampleRun(example, folder, { count, states })(resume);
      opened.run = started.run;
      return started;
    },
    produce: async (control, signal) => {
      const link = new LocalProducerLink({ run: control, store, worker: 'w' });
      await runLocalRollout(
        control,
        [new RolloutWorker({ link, store, engine: target, plan: states, failuresMax: 1 })],
        signal,
      );
    },
  });
  const steps = Math.floor(count / quantum);
  return { steps, open, store, status: () => defined(opened.run ?? undefined, 'the run is open').status() };
}

/** Weights and moments of the last checkpoint. */
export function savedState(folder: string, step: number): Buffer {
  return readFileSync(join(folder, 'checkpoints', `step-${step}`, 'state.bin'));
}

export function recordedLosses(folder: string): readonly number[] {
  const lines = readFileSync(join(folder, 'metrics.jsonl'), 'utf8').trimEnd().split('\n');
  return lines.flatMap((line) => {
    const loss: unknown = JSON.parse(line)['train/loss'];
    return typeof loss === 'number' ? [loss] : [];
  });
}
