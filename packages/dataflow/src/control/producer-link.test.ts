/** One suite for every way from a producer to a run: in process, and through a real NATS server. */
import { PlimsollError, seconds } from '@plimsoll/foundation';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { SampleRef } from '../contracts/sample-ref.ts';
import type { NatsLink } from '../nats/nats-connection.ts';
import { NatsProducerLink } from '../nats/nats-producer-link.ts';
import { NatsRun } from '../nats/nats-run.ts';
import {
  natsServer,
  natsSkipReason,
  startNatsServer,
  type TestNatsServer,
} from '../nats/nats-server.test-data.ts';
import { contract, exampleRef, exampleTask } from '../store/samples.test-data.ts';
import { DataFlowController, type RunOptions } from './data-flow-controller.ts';
import { MemoryLedger } from './memory-ledger.ts';
import { LocalProducerLink, type ProducerLink } from './producer-link.ts';

interface Setting {
  readonly planLength: number;
  readonly options?: Partial<RunOptions>;
  readonly leaseSeconds?: number;
}

interface Stage {
  readonly run: DataFlowController;
  readonly producers: readonly [ProducerLink, ProducerLink];
  /** Addresses of the features that the run has removed. */
  readonly aborted: readonly string[];
}

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

let runs = 0;

/** A run of its own name, so that tests can share a server. */
function makeRun({ planLength, options }: Setting): {
  readonly run: DataFlowController;
  readonly runId: string;
} {
  const runId = `run:${++runs}`;
  const run = new DataFlowController({
    contract: { ...contract, runId },
    ledger: new MemoryLedger(),
    clock: { now: () => seconds(0) },
    quantum: 2,
    limits: { samplesHigh: 6, samplesLow: 3, bytes: null },
    attemptsMax: 3,
    leaseSeconds: 60,
    failedPromptsMax: 100,
    freeAfter: 'step',
    resume: null,
    ...options,
  });
  run.addPrompts(Array.from({ length: planLength }, (_, index) => ({ ...exampleTask(index), runId })));
  run.closePlan();
  return { run, runId };
}

function localStage(setting: Setting): Promise<Stage> {
  const { run } = makeRun(setting);
  const aborted: string[] = [];
  const store = { abort: async (ref: SampleRef) => void aborted.push(ref.file.address) };
  const open = (worker: string) => new LocalProducerLink({ run, store, worker });
  return Promise.resolve({ run, producers: [open('a'), open('b')], aborted });
}

/** Starts with the first stage. */
let server: Promise<TestNatsServer> | null = null;

async function natsStage(setting: Setting): Promise<Stage> {
  const { run, runId } = makeRun(setting);
  const aborted: string[] = [];
  const store = { abort: async (ref: SampleRef) => void aborted.push(ref.file.address) };
  server ??= startNatsServer(natsServer ?? '');
  const { connect: connectTo } = await server;
  const connect = async (): Promise<NatsLink> => {
    const link = await connectTo();
    cleanUps.push(() => link.close());
    return link;
  };
  const served = await NatsRun.open({
    link: await connect(),
    run,
    runId,
    store,
    terms: { quantum: 2, attemptsMax: 3 },
    leaseSeconds: setting.leaseSeconds ?? 60,
    promptsMax: 6,
  });
  cleanUps.push(() => served.finish(0));
  const open = async (worker: string) =>
    NatsProducerLink.open({
      link: await connect(),
      contract: { ...contract, runId },
      store,
      worker,
      startSeconds: 10,
    });
  return { run, producers: [await open('a'), await open('b')], aborted };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
  return 'none';
}

/** A ref of the run that a task belongs to. */
function refOf(
  { runId, planIndex }: { readonly runId: string; readonly planIndex: number },
  generation = 1,
): SampleRef {
  const ref = exampleRef(planIndex, generation);
  const address = ref.file.address.replace('run+', `${runId.replace(':', '+')}+`);
  return { ...ref, runId, sampleId: `${runId}:${ref.taskId}`, file: { ...ref.file, address } };
}

/** Captures until the run ends. Returns the plan indices that this producer has captured. */
async function produce(link: ProducerLink): Promise<readonly number[]> {
  const captured: number[] = [];
  for (;;) {
    const prompts = await link.nextPrompts(2);
    if (prompts === null) return captured;
    captured.push(...prompts.map(({ task }) => task.planIndex));
    await link.commit(prompts.map(({ task }) => refOf(task)));
  }
}

/** Trains all windows. Returns plan indices in the order of training. */
async function train(run: DataFlowController): Promise<readonly number[]> {
  const trained: number[] = [];
  for (let step = 1; ; step++) {
    const window = await run.nextWindow();
    if (window === null) return trained;
    trained.push(...window.map(({ taskId }) => Number(taskId.replace('task-', ''))));
    run.acknowledge(
      window.map(({ sampleId }) => sampleId),
      step,
    );
  }
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

const stages: Readonly<Record<string, (setting: Setting) => Promise<Stage>>> = {
  'in process': localStage,
  ...(natsServer === null ? {} : { 'through NATS': natsStage }),
};

afterAll(async () => {
  await (await server)?.remove();
});

describe.each(Object.entries(stages))('%s', (_name, makeStage) => {
  test('two producers capture a plan together; samples are trained in plan order', async () => {
    const { run, producers } = await makeStage({ planLength: 21 });
    const [trained, ...captured] = await Promise.all([train(run), ...producers.map(produce)]);
    expect(trained).toEqual(upTo(20));
    expect(captured.flat().toSorted((left, right) => left - right)).toEqual(upTo(21));
    expect(run.status()).toMatchObject({ trained: 20, dropped: 1, failures: [] });
  });

  test('back-pressure bounds what producers have and the trainer has not', async () => {
    const { run, producers } = await makeStage({ planLength: 20 });
    const [a] = producers;
    const prompts = [...((await a.nextPrompts(4)) ?? [])];
    while (prompts.length < 6) prompts.push(...((await a.nextPrompts(6)) ?? []));
    expect(prompts).toHaveLength(6);
    await a.commit(prompts.map(({ task }) => refOf(task)));
    await expect.poll(() => run.status().samples.ready).toBe(6);
    expect(run.status().prompts).toMatchObject({ leased: 0, waiting: 14 });
    const next = a.nextPrompts(1);
    const window = run.takeWindow();
    expect(window.kind).toBe('window');
    if (window.kind !== 'window') return;
    run.acknowledge(
      window.refs.map(({ sampleId }) => sampleId),
      1,
    );
    // Four samples are in flight, above the low mark of three.
    expect(run.status().prompts).toMatchObject({ leased: 0, waiting: 14 });
    expect(run.takeWindow().kind).toBe('window');
    run.acknowledge(
      [2, 3].map((index) => refOf({ runId: window.refs[0]?.runId ?? '', planIndex: index }).sampleId),
      2,
    );
    expect((await next)?.length).toBe(1);
  });

  test('a repeated sample is accepted once, and its features are removed', async () => {
    const { run, producers, aborted } = await makeStage({ planLength: 2 });
    const [a, b] = producers;
    const [prompt] = (await a.nextPrompts(1)) ?? [];
    if (prompt === undefined) throw new Error('the plan has a prompt');
    await a.commit([refOf(prompt.task)]);
    await a.commit([refOf(prompt.task)]);
    await b.commit([refOf(prompt.task, 2)]);
    await expect.poll(() => aborted).toEqual([refOf(prompt.task, 2).file.address]);
    expect(run.status().samples.ready).toBe(1);
  });

  test('a failed prompt goes to another producer, and ends after its attempts', async () => {
    const { run, producers } = await makeStage({ planLength: 1 });
    const [a, b] = producers;
    const attempts: number[] = [];
    for (const link of [a, b, a]) {
      const [prompt] = (await link.nextPrompts(1)) ?? [];
      attempts.push(prompt?.attempt ?? 0);
      await link.fail([{ taskId: 'task-0', reason: 'the server answered 500', isRetryable: true }]);
    }
    expect(attempts).toEqual([1, 2, 3]);
    await expect
      .poll(() => run.status().failures.map(({ reason }) => reason))
      .toEqual(['the server answered 500']);
    expect(await codeOf(a.fail([{ taskId: 'task-0', reason: 'late', isRetryable: true }]))).toBe(
      'prompt-not-leased',
    );
    expect(await a.nextPrompts(1)).toBe(null);
  });

  test('a producer that closes gives its prompts back', async () => {
    const { producers } = await makeStage({ planLength: 1 });
    const [a, b] = producers;
    expect((await a.nextPrompts(1))?.length).toBe(1);
    await a.close();
    expect((await b.nextPrompts(1))?.map(({ attempt }) => attempt)).toEqual([2]);
  });

  test('samples that the recipe does not describe are refused before they leave the producer', async () => {
    const { run, producers } = await makeStage({ planLength: 1 });
    const [a] = producers;
    const [prompt] = (await a.nextPrompts(1)) ?? [];
    if (prompt === undefined) throw new Error('the plan has a prompt');
    const ref = refOf(prompt.task);
    const hidden = ref.features.hidden;
    if (hidden === undefined) throw new Error('the example has hidden states');
    const foreign = { ...ref, features: { ...ref.features, hidden: { ...hidden, layerIds: [1, 5, 8] } } };
    expect(await codeOf(a.commit([foreign]))).toBe('foreign-layers');
    const withTensor = { ...ref, metadata: { hidden: new Float32Array(2) } };
    expect(await codeOf(a.commit([withTensor]))).toBe('tensor-in-control-plane');
    const failure = { taskId: 'task-0', reason: 'x', isRetryable: true, hidden: new Float32Array(2) };
    expect(await codeOf(a.fail([failure]))).toBe('tensor-in-control-plane');
    expect(run.status().samples.ready).toBe(0);
  });

  test('the failure of a run reaches producers and never looks like its end', async () => {
    const { run, producers } = await makeStage({ planLength: 3, options: { failedPromptsMax: 0 } });
    const [a, b] = producers;
    expect((await a.nextPrompts(1))?.length).toBe(1);
    await a.fail([{ taskId: 'task-0', reason: 'the prompt is poisoned', isRetryable: false }]);
    await expect.poll(() => run.status().failures.length).toBe(1);
    const codes: string[] = [];
    while (codes.length < 1 || codes.at(-1) === 'none') codes.push(await codeOf(b.nextPrompts(1)));
    expect(['run-failed', 'too-many-failed-prompts']).toContain(codes.at(-1));
  });
});

// The suite through NATS is in the list only where a server is.
test.skipIf(natsServer === null)(
  `a NATS server is here${natsServer === null ? `: ${natsSkipReason}` : ''}`,
  () => {
    expect(Object.keys(stages)).toHaveLength(2);
  },
);
