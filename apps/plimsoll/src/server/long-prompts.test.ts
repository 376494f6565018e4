/** Long prompts beside streams and short requests, and prompts that many requests share. */
import type { StepReport } from '@plimsoll/engine';
import { MiB } from '@plimsoll/foundation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer, until } from './testing/test-server.test-data.ts';

let server: TestServer;
let steps: StepReport[] = [];
beforeAll(async () => {
  server = await startTestServer({
    options: { contextMax: 6144, sequencesMax: 8 },
    memoryBytes: 1024 * MiB,
    serve: { limitBytes: 1024 * MiB },
  });
  server.engine.onStep((report) => void steps.push(report));
});
afterAll(() => server.close());

interface Answer {
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}

const ask = async (body: object): Promise<Answer> => {
  const response = await server.post('/v1/completions', { ignore_eos: true, temperature: 0, ...body });
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
};

/** A prompt of tokens; different topics share no prefix. */
const promptOf = (topic: number, count: number): number[] => Array.from({ length: count }, () => topic);

test('a prompt of 4,000 tokens stalls no stream, no short request and no health check', async () => {
  steps = [];
  const streaming = ask({ prompt: 'the ship', max_tokens: 400 });
  await until(() => server.engine.load.runningCount === 1, 'a request decodes');
  const long = ask({ prompt: promptOf(40, 4000), max_tokens: 1 });
  await until(() => server.engine.load.runningCount === 2, 'the prompt is computed');
  const short = ask({ prompt: 'z', max_tokens: 4 });
  const stepsBefore = steps.length;
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  // The answer of the health check did not wait for the prompt.
  expect(server.engine.load.runningCount).toBeGreaterThan(1);
  expect(steps.length - stepsBefore).toBeLessThan(20);
  const [{ usage }] = await Promise.all([long, short, streaming]);
  expect(usage.prompt_tokens).toBeGreaterThanOrEqual(4000);
  const prefills = steps.map(({ entries }) => entries.filter(({ kind }) => kind === 'prefill'));
  const mixed = steps.filter((_, index) => (prefills[index] ?? []).length > 0).slice(1);
  expect(mixed.length).toBeGreaterThan(6);
  // While a stream decodes, every step has its token, and at most 512 tokens of prompts.
  const decoder = steps.flatMap(({ entries }) => entries).find(({ kind }) => kind === 'decode')?.id;
  const last = steps.findLastIndex(({ entries }) => entries.some(({ id }) => id === decoder));
  for (const { entries } of steps.slice(steps.indexOf(mixed[0] as StepReport), last)) {
    expect(entries.map(({ id }) => id)).toContain(decoder);
    const tokens = entries.reduce((sum, { kind, count }) => sum + (kind === 'prefill' ? count : 0), 0);
    expect(tokens).toBeLessThanOrEqual(512);
  }
});

test('a short request behind a long prompt gets its first token within two steps', async () => {
  steps = [];
  const long = ask({ prompt: promptOf(41, 4000), max_tokens: 1 });
  await until(() => steps.length > 0, 'the long prompt is computed');
  const short = ask({ prompt: 'v', max_tokens: 2 });
  const known = new Set(steps.flatMap(({ entries }) => entries.map(({ id }) => id)));
  await Promise.all([long, short]);
  const admittedAt = steps.findIndex(({ admitted }) => admitted.some((id) => !known.has(id)));
  const id = steps[admittedAt]?.admitted.find((one) => !known.has(one));
  const sampledAt = steps.findIndex(({ entries }) =>
    entries.some((entry) => entry.id === id && entry.samples),
  );
  expect(admittedAt).toBeGreaterThan(0);
  expect(sampledAt - admittedAt).toBeLessThanOrEqual(1);
});

test('32 requests with a common prompt of 1,000 tokens compute it once', async () => {
  const common = promptOf(42, 1000);
  const first = await ask({ prompt: common, max_tokens: 1 });
  expect(first.usage.prompt_tokens).toBeGreaterThanOrEqual(1000);
  const before = server.engine.metrics.prefillTokens;
  const answers = await Promise.all(
    Array.from({ length: 32 }, (_, index) => ask({ prompt: [...common, 50 + index], max_tokens: 4 })),
  );
  const own = answers.map(({ usage }) => usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens);
  for (const tokens of own) expect(tokens).toBeLessThan(40);
  const computed = server.engine.metrics.prefillTokens - before;
  expect(computed).toBe(own.reduce((sum, tokens) => sum + tokens, 0));
});

test('32 requests at once with a common prompt that no one sent before compute it once', async () => {
  const common = promptOf(43, 1000);
  const before = server.engine.metrics.prefillTokens;
  await Promise.all(
    Array.from({ length: 32 }, (_, index) => ask({ prompt: [...common, 50 + index], max_tokens: 4 })),
  );
  const computed = server.engine.metrics.prefillTokens - before;
  expect(computed).toBeLessThan(1000 + 32 * 40);
});
