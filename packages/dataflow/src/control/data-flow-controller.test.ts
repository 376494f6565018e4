import { PlimsollError, type Seconds, seconds } from '@plimsoll/foundation';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SampleRef } from '../contracts/sample-ref.ts';
import { contract, exampleRef, exampleTask } from '../store/samples.test-data.ts';
import { DataFlowController, type RunOptions } from './data-flow-controller.ts';
import { MemoryLedger } from './memory-ledger.ts';

function makeRun(options: Partial<RunOptions> = {}): DataFlowController {
  return new DataFlowController({
    contract,
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
}

const tasks = (count: number) => Array.from({ length: count }, (_, index) => exampleTask(index));
const idsOf = (refs: readonly SampleRef[]): readonly string[] => refs.map(({ sampleId }) => sampleId);

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
  return 'none';
}

/** Leases everything that back-pressure allows and commits it. */
function captureAll(run: DataFlowController): readonly SampleRef[] {
  const refs = run.leasePrompts('producer', 100).map(({ task }) => exampleRef(task.planIndex));
  run.commit(refs);
  return refs;
}

function takeIds(run: DataFlowController): readonly string[] | 'wait' | 'end' {
  const window = run.takeWindow();
  return window.kind === 'window' ? idsOf(window.refs) : window.kind;
}

test('windows come in plan order, whatever order producers commit in', () => {
  const run = makeRun();
  run.addPrompts(tasks(5));
  run.closePlan();
  run.leasePrompts('producer', 5);
  run.commit([exampleRef(3), exampleRef(1)]);
  expect(takeIds(run)).toBe('wait');
  run.commit([exampleRef(0)]);
  expect(takeIds(run)).toEqual(['run:task-0', 'run:task-1']);
  run.commit([exampleRef(4), exampleRef(2)]);
  expect(takeIds(run)).toEqual(['run:task-2', 'run:task-3']);
  expect(takeIds(run)).toBe('wait');
  run.acknowledge(['run:task-0', 'run:task-1'], 1);
  run.acknowledge(['run:task-2', 'run:task-3'], 2);
  // One sample is left, less than a quantum.
  expect(takeIds(run)).toBe('end');
  expect(run.status()).toMatchInlineSnapshot(`
    {
      "dropped": 1,
      "failures": [],
      "lastStep": 2,
      "prompts": {
        "leased": 0,
        "planned": 5,
        "waiting": 0,
      },
      "samples": {
        "bytes": 0,
        "ready": 0,
        "training": 0,
      },
      "trained": 4,
    }
  `);
  expect(idsOf(run.freeable())).toHaveLength(5);
  run.markFreed(idsOf(run.freeable()));
  expect(run.freeable()).toEqual([]);
});

test('a prompt is tried again before new ones, and fails for good after its attempts', () => {
  const run = makeRun({ attemptsMax: 2 });
  run.addPrompts(tasks(3));
  run.leasePrompts('a', 1);
  const failure = { taskId: 'task-0', reason: 'the server answered 500', isRetryable: true };
  run.failPrompts('a', [failure]);
  expect(run.leasePrompts('b', 2).map(({ task, attempt }) => [task.taskId, attempt])).toEqual([
    ['task-0', 2],
    ['task-1', 1],
  ]);
  expect(codeOf(() => run.failPrompts('a', [failure]))).toBe('prompt-not-leased');
  run.failPrompts('b', [failure]);
  run.commit([exampleRef(1), exampleRef(2)]);
  // The failed prompt does not hold the others up.
  expect(takeIds(run)).toEqual(['run:task-1', 'run:task-2']);
  expect(run.status().failures).toEqual([
    { taskId: 'task-0', planIndex: 0, attempts: 2, reason: 'the server answered 500' },
  ]);
});

test('leases end with their time or their producer', () => {
  let now: Seconds = seconds(0);
  const run = makeRun({ clock: { now: () => now } });
  run.addPrompts(tasks(1));
  const attempts = (worker: string) => run.leasePrompts(worker, 1).map(({ attempt }) => attempt);
  expect(attempts('a')).toEqual([1]);
  now = seconds(59);
  expect(attempts('b')).toEqual([]);
  now = seconds(60);
  expect(attempts('b')).toEqual([2]);
  run.dropWorker('b');
  expect(attempts('c')).toEqual([3]);
});

test('too many failed prompts fail the run for producers and trainer, and never look like its end', async () => {
  const run = makeRun({ failedPromptsMax: 0 });
  run.addPrompts(tasks(1));
  run.closePlan();
  const waiting = run.nextWindow();
  run.leasePrompts('a', 1);
  run.failPrompts('a', [{ taskId: 'task-0', reason: 'prompt is poisoned', isRetryable: false }]);
  await expect(waiting).rejects.toMatchObject({ code: 'too-many-failed-prompts' });
  expect(codeOf(() => run.leasePrompts('a', 1))).toBe('too-many-failed-prompts');
  expect(codeOf(() => run.takeWindow())).toBe('too-many-failed-prompts');
});

test('a repeated commit is accepted once; other features of the same sample are superfluous', () => {
  const run = makeRun();
  run.addPrompts(tasks(2));
  run.leasePrompts('a', 2);
  expect(run.commit([exampleRef(0)])).toEqual({ accepted: ['run:task-0'], superfluous: [] });
  expect(run.commit([exampleRef(0)])).toEqual({ accepted: [], superfluous: [] });
  const other = exampleRef(0, 2);
  expect(run.commit([other, exampleRef(1)])).toEqual({ accepted: ['run:task-1'], superfluous: [other] });
  expect([run.isNeeded('run:task-0', 1), run.isNeeded('run:task-0', 2)]).toEqual([true, false]);
});

test('a commit of foreign samples is refused whole', () => {
  const run = makeRun();
  run.addPrompts(tasks(3));
  run.leasePrompts('a', 3);
  const ref = exampleRef(0);
  const { hidden } = ref.features;
  if (hidden === undefined) throw new Error('the example has hidden states');
  const withHidden = (change: Partial<typeof hidden>): SampleRef => ({
    ...ref,
    features: { ...ref.features, hidden: { ...hidden, ...change } },
  });
  const foreign: Readonly<Record<string, unknown>> = {
    'foreign-run': { ...ref, runId: 'other' },
    'foreign-strategy': { ...ref, strategy: 'dflash' },
    'foreign-target': { ...ref, target: { ...ref.target, sha256: 'd'.repeat(64) } },
    'foreign-tokenizer': { ...ref, tokenizerVersion: 'tokenizer-2' },
    'foreign-layers': withHidden({ layerIds: [1, 5, 8] }),
    'feature-mismatch': withHidden({ shape: [3, 24] }),
    'missing-feature': { ...ref, features: { hidden } },
    'unknown-feature': { ...ref, features: { ...ref.features, other: hidden } },
    'unknown-task': { ...ref, taskId: 'task-9' },
    'tensor-in-control-plane': { ...ref, metadata: { hidden: new Float32Array(4) } },
    'bad-sample-ref': { ...ref, schemaVersion: 2 },
  };
  const codes = Object.values(foreign).map((value) =>
    codeOf(() => run.commit([exampleRef(1), value as SampleRef])),
  );
  expect(codes).toEqual(Object.keys(foreign));
  expect(run.status().samples.ready).toBe(0);
});

test('tensors in failure records are refused', () => {
  const run = makeRun();
  run.addPrompts(tasks(1));
  run.leasePrompts('a', 1);
  const failure = {
    taskId: 'task-0',
    reason: 'bad features',
    isRetryable: true,
    features: new Float32Array(2),
  };
  expect(codeOf(() => run.failPrompts('a', [failure]))).toBe('tensor-in-control-plane');
});

test('back-pressure pauses at the high mark and resumes at the low one', () => {
  const run = makeRun();
  run.addPrompts(tasks(20));
  expect(captureAll(run)).toHaveLength(6);
  expect(captureAll(run)).toHaveLength(0);
  run.acknowledge(takeIds(run) as readonly string[], 1);
  expect(captureAll(run)).toHaveLength(0); // four in flight
  run.acknowledge(takeIds(run) as readonly string[], 2);
  expect(captureAll(run)).toHaveLength(4);
});

test('a mark of bytes pauses too, but never below one quantum', () => {
  const limits = { samplesHigh: 100, samplesLow: 50, bytes: { high: 1000, low: 500 } };
  const run = makeRun({ limits, quantum: 4 });
  run.addPrompts(tasks(20));
  // A sample has 1,000 bytes: the first lease knows no bytes, so that it ends at the mark of samples.
  expect(run.leasePrompts('a', 1)).toHaveLength(1);
  run.commit([exampleRef(0)]);
  expect(captureAll(run)).toHaveLength(3);
  expect(captureAll(run)).toHaveLength(0);
  run.acknowledge(takeIds(run) as readonly string[], 1);
  expect(captureAll(run).length).toBeGreaterThan(0);
});

test('watermarks that cannot work are refused', () => {
  const codes = [
    { samplesHigh: 1, samplesLow: 0, bytes: null }, // below the quantum
    { samplesHigh: 6, samplesLow: 6, bytes: null },
    { samplesHigh: 6, samplesLow: -1, bytes: null },
    { samplesHigh: 6, samplesLow: 3, bytes: { high: 10, low: 20 } },
  ].map((limits) => codeOf(() => makeRun({ limits })));
  expect(codes).toEqual(codes.map(() => 'bad-watermarks'));
});

test('acknowledgements outside of windows or out of order change nothing', () => {
  const run = makeRun();
  run.addPrompts(tasks(6));
  captureAll(run);
  const window = takeIds(run) as readonly string[];
  expect(codeOf(() => run.acknowledge(['run:task-5'], 1))).toBe('not-in-training');
  expect(codeOf(() => run.acknowledge(window, 0))).toBe('step-order');
  run.acknowledge(window, 3);
  expect(codeOf(() => run.acknowledge(window, 4))).toBe('not-in-training');
  expect(codeOf(() => run.acknowledge(takeIds(run) as readonly string[], 3))).toBe('step-order');
  expect(codeOf(() => run.checkpointSaved(4))).toBe('step-order');
});

test('a plan with gaps, repetitions or another order is refused', () => {
  const run = makeRun();
  run.addPrompts(tasks(2));
  expect(codeOf(() => run.addPrompts([exampleTask(3)]))).toBe('plan-order');
  expect(codeOf(() => run.addPrompts([{ ...exampleTask(0), planIndex: 2 }]))).toBe('plan-order');
  expect(codeOf(() => run.addPrompts([{ ...exampleTask(2), lossMask: [0, 0, 0] }]))).toBe('bad-prompt-task');
  run.closePlan();
  expect(codeOf(() => run.addPrompts([exampleTask(2)]))).toBe('plan-order');
});

test('a new run refuses a used ledger; a resumed one repeats the steps after its checkpoint', () => {
  const ledger = new MemoryLedger();
  const first = makeRun({ ledger, freeAfter: 'checkpoint' });
  first.addPrompts(tasks(6));
  captureAll(first);
  for (const step of [1, 2]) first.acknowledge(takeIds(first) as readonly string[], step);
  first.checkpointSaved(1);
  expect(idsOf(first.freeable())).toEqual(['run:task-0', 'run:task-1']);
  first.markFreed(idsOf(first.freeable()));

  expect(codeOf(() => makeRun({ ledger }))).toBe('ledger-not-empty');
  expect(codeOf(() => makeRun({ ledger, resume: { checkpointStep: 0 } }))).toBe('ledger-ahead-of-checkpoint');
  const second = makeRun({ ledger, resume: { checkpointStep: 1 } });
  expect(codeOf(() => second.addPrompts([{ ...exampleTask(1), planIndex: 0 }]))).toBe('plan-changed');
  second.addPrompts(tasks(6));
  expect(second.leasePrompts('a', 6)).toEqual([]);
  expect(takeIds(second)).toEqual(['run:task-2', 'run:task-3']);
  second.acknowledge(['run:task-2', 'run:task-3'], 2);
  expect(takeIds(second)).toEqual(['run:task-4', 'run:task-5']);
  expect(second.status()).toMatchObject({ trained: 4, lastStep: 2 });
});

/** What happens to a run, drawn at random until the plan has ended. */
class RandomRun {
  readonly random: Random;
  readonly ledger = new MemoryLedger();
  readonly run: DataFlowController;
  readonly trained: string[] = [];
  readonly #windows: (readonly SampleRef[])[] = [];
  readonly #leased: { worker: string; planIndex: number }[] = [];
  readonly #samplesHigh: number;
  #step = 0;
  #now = 0;
  #generation = 0;

  constructor(seed: number, planLength: number) {
    this.random = seededRandom(seed);
    const quantum = randomInteger(this.random, 1, 5);
    this.#samplesHigh = quantum + randomInteger(this.random, 0, 5);
    const samplesLow = randomInteger(this.random, 0, this.#samplesHigh);
    const bytes = this.random() < 0.5 ? null : { high: randomInteger(this.random, 2, 5000), low: 1 };
    this.run = makeRun({
      ledger: this.ledger,
      quantum,
      limits: { samplesHigh: this.#samplesHigh, samplesLow, bytes },
      clock: { now: () => seconds(this.#now) },
    });
    this.run.addPrompts(tasks(planLength));
    this.run.closePlan();
  }

  /** Does one thing; true at the end of the plan. */
  act(): boolean {
    this.run.checkIntegrity();
    const { samples, prompts } = this.run.status();
    expect(samples.ready + samples.training + prompts.leased).toBeLessThanOrEqual(this.#samplesHigh);
    const kind = randomInteger(this.random, 0, 12);
    const worker = `worker-${randomInteger(this.random, 0, 3)}`;
    if (kind <= 2) this.#lease(worker);
    else if (kind <= 5) this.#commit();
    else if (kind === 6) this.#fail();
    else if (kind === 7) this.#loseLeases(worker);
    else if (kind <= 9) return this.#take();
    else this.#finishWindow();
    return false;
  }

  #lease(worker: string): void {
    for (const { task } of this.run.leasePrompts(worker, randomInteger(this.random, 1, 4)))
      this.#leased.push({ worker, planIndex: task.planIndex });
  }

  /** Commits samples, of which some were committed before or are leased to another worker by now. */
  #commit(): void {
    const chosen = this.#leased.splice(0, randomInteger(this.random, 0, 3));
    const refs = chosen.map(({ planIndex }) => exampleRef(planIndex, ++this.#generation));
    const { accepted, superfluous } = this.run.commit(refs);
    expect(accepted.length + superfluous.length).toBe(refs.length);
    if (this.random() < 0.2) this.run.commit(refs);
  }

  #fail(): void {
    const lease = this.#leased.shift();
    if (lease === undefined) return;
    const taskId = `task-${lease.planIndex}`;
    const failure = { taskId, reason: 'it failed', isRetryable: this.random() < 0.9 };
    const code = codeOf(() => this.run.failPrompts(lease.worker, [failure]));
    expect(['none', 'prompt-not-leased']).toContain(code);
  }

  #loseLeases(worker: string): void {
    if (this.random() < 0.5) this.run.dropWorker(worker);
    else this.#now += 30;
  }

  #take(): boolean {
    const window = this.run.takeWindow();
    if (window.kind === 'window') this.#windows.push(window.refs);
    return window.kind === 'end';
  }

  #finishWindow(): void {
    // Windows that follow a returned one are returned too, so that steps stay in plan order.
    const ids = idsOf(this.#windows[0] ?? []);
    if (ids.length === 0) return;
    const outcome = this.random();
    if (outcome < 0.8) {
      this.#windows.shift();
      this.run.acknowledge(ids, ++this.#step);
      this.trained.push(...ids);
      return;
    }
    const [rejected, ...others] = this.#windows.splice(0).flatMap(idsOf);
    if (rejected === undefined) return;
    if (outcome < 0.9) this.run.rejectSamples([rejected], 'the file is torn');
    this.run.returnWindow(outcome < 0.9 ? others : [rejected, ...others]);
  }
}

test('random runs end with every prompt trained once in plan order, dropped, or failed', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 40 }), (seed, planLength) => {
      const random = new RandomRun(seed, planLength);
      let actions = 0;
      while (!random.act()) expect(++actions).toBeLessThan(20_000);
      const { trained, dropped, failures, samples } = random.run.status();
      expect(trained + dropped + failures.length).toBe(planLength);
      expect(samples).toEqual({ ready: 0, training: 0, bytes: 0 });
      const indices = random.trained.map((sampleId) => Number(sampleId.split('-')[1]));
      expect(indices).toEqual(indices.toSorted((left, right) => left - right));
      expect(new Set(indices).size).toBe(indices.length);
      random.run.markFreed(idsOf(random.run.freeable()));
      expect(random.ledger.read().samples.every(({ state }) => state === 'freed')).toBe(true);
    }),
    { numRuns: 60 },
  );
});
