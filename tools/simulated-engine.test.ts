/**
 * The simulator against the engine: equal arrivals and step times give equal queues and equal blocks, step for step. The
 * engine computes a small random model; the simulator has the lengths of its requests alone.
 */
import { join } from 'node:path';
import { MiB, seconds } from '@plimsoll/foundation';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { policies, type ServingConfig } from '@plimsoll/serving';
import { simulate } from '@plimsoll/simulator';
import { expect, test } from 'vitest';
import { Engine } from '../packages/engine/src/engine.ts';
import { openModel } from '../packages/engine/src/load/open-model.ts';
import type { StepReport } from '../packages/engine/src/loop/step-report.ts';
import { engineParts } from '../packages/engine/src/start/create-engine.ts';

const fixtures = join(import.meta.dirname, '../fixtures/engine');

interface Request {
  /** The first step that can take the request. */
  readonly step: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** More prompts than places, with memory that runs out. */
function requestsOf(seed: number): readonly Request[] {
  const random = seededRandom(seed);
  let step = 0;
  return Array.from({ length: 40 }, (_, index) => {
    if (index > 5) step += randomInteger(random, 0, 4);
    return { step, promptTokens: randomInteger(random, 3, 90), outputTokens: randomInteger(random, 1, 40) };
  });
}

/** Counts after a step that a viewer of the server sees. */
interface Counts {
  readonly decodes: number;
  readonly promptTokens: number;
  readonly running: number;
  readonly waiting: number;
  readonly ownedBlocks: number;
}

/** Runs the requests through an engine; its scheduler's configuration serves the simulator too. */
async function engineCounts(
  requests: readonly Request[],
): Promise<{ readonly config: ServingConfig; readonly measured: readonly Counts[] }> {
  const parts = await engineParts({
    model: await openModel(join(fixtures, 'llama-3', 'f32.gguf')),
    memoryBytes: 512 * MiB,
    tokenizer: null,
    policy: policies.fcfs,
    prefixCaching: false,
    // No measured rate limits the prompts of a step.
    stepSecondsAim: 1e6,
    options: {
      sequencesMax: 4,
      contextMax: 160,
      prefillChunkTokens: 24,
      kvFormat: 'fp32',
      threads: 1,
      stagingBytes: 0,
    },
  });
  const { config } = parts.scheduler;
  const engine = new Engine(parts);
  const measured: Counts[] = [];
  const answers: Promise<unknown>[] = [];
  let sent = 0;
  const sendFor = (step: number): void => {
    for (let next = requests[sent]; next !== undefined && next.step <= step; next = requests[++sent]) {
      // Prompts that differ in their first token share no block.
      const prompt = Array.from({ length: next.promptTokens }, (_, index) => (sent * 7 + index * 3) % 60);
      answers.push(engine.generate({ prompt, maxTokens: next.outputTokens, ignoreEnd: true }));
    }
  };
  engine.onStep((report: StepReport) => {
    const decodes = report.entries.filter(({ kind }) => kind === 'decode').length;
    const sentBefore = sent;
    sendFor(report.index + 1);
    measured.push({
      decodes,
      promptTokens: report.tokenCount - decodes,
      running: report.runningCount,
      // The simulator counts requests that come at the end of a step; the report is older than they are.
      waiting: report.waitingCount + sent - sentBefore,
      ownedBlocks: report.occupancy.reduce((sum, { owned }) => sum + owned, 0),
    });
  });
  sendFor(0);
  while (sent < requests.length || answers.length > 0) await Promise.all(answers.splice(0));
  await engine.close();
  return { config, measured };
}

function simulatedCounts(requests: readonly Request[], config: ServingConfig): readonly Counts[] {
  const { collector, replicas } = simulate({
    replica: { serving: { ...config, policy: policies.fcfs }, stepSeconds: () => 1 },
    replicaCount: 1,
    router: 'round-robin',
    workload: {
      arrivals: {
        kind: 'trace',
        rows: requests.map(({ step, promptTokens, outputTokens }) => ({
          atSeconds: seconds(step),
          prompt: { length: promptTokens },
          outputTokens,
        })),
      },
      requests: requests.length,
      prompt: { kind: 'fixed', value: 1 },
      output: { kind: 'fixed', value: 1 },
      prefix: null,
      seed: 1,
    },
    frontEndSeconds: 0,
    limits: {},
    simulatedSecondsMax: 1e6,
    traces: true,
    skipsQuietSteps: false,
  });
  const blockCount = replicas[0]?.blockCount ?? 0;
  return collector.traced.map(
    ({ decodes, promptTokens, running, waiting, kvShare }): Counts => ({
      decodes,
      promptTokens,
      running,
      waiting,
      ownedBlocks: Math.round(kvShare * blockCount),
    }),
  );
}

test('queues and blocks of every step', async () => {
  const requests = requestsOf(5);
  const { config, measured } = await engineCounts(requests);
  expect(measured.length).toBeGreaterThan(100);
  expect(Math.max(...measured.map(({ waiting }) => waiting))).toBeGreaterThan(4);
  expect(simulatedCounts(requests, config)).toEqual(measured);
});
