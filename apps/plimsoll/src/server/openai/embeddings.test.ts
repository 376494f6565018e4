/** Embedding routes against the hidden states of the engine, through `openai`'s client and plain requests. */
import { defined } from '@plimsoll/foundation';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.test-data.ts';

const text = 'The ship sails at noon.';
let server: TestServer;
let client: OpenAI;

beforeAll(async () => {
  server = await startTestServer({ options: { contextMax: 64 }, serve: { pooling: 'mean' } });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => server.close());

/** Final states of a text, one row per token. */
async function statesOf(tokens: ArrayLike<number>): Promise<Float32Array[]> {
  const { engine } = server;
  const width = engine.model.graph.hiddenSize;
  const rows: Float32Array[] = [];
  await engine.observe(tokens, {
    capture: {
      layers: new Set(['final'] as const),
      take(_, start, taken) {
        for (let row = 0; row * width < taken.length; row++) {
          rows[start + row] = taken.slice(row * width, (row + 1) * width);
        }
      },
    },
  });
  return rows;
}

function mean(rows: readonly Float32Array[]): number[] {
  return Array.from(defined(rows[0], 'a row'), (_, column) => {
    return rows.reduce((sum, row) => sum + (row[column] ?? 0), 0) / rows.length;
  });
}

function unit(vector: ArrayLike<number>): number[] {
  const length = Math.hypot(...Array.from(vector));
  return Array.from(vector, (value) => value / length);
}

function expectClose(vector: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(vector.length).toBe(expected.length);
  const distances = Array.from(vector, (value, index) => Math.abs(value - (expected[index] ?? Number.NaN)));
  expect(Math.max(...distances)).toBeLessThan(1e-6);
}

function tokensOf(value: string): number[] {
  return Array.from(defined(server.engine.tokenizer ?? undefined, 'a tokenizer').encode(value));
}

test("openai's client reads base64 by default; the vector is the mean of the states, with length 1", async () => {
  const expected = unit(mean(await statesOf(tokensOf(text))));
  const { data, usage, object } = await client.embeddings.create({ model: 'test-model', input: text });
  expect(object).toBe('list');
  expectClose(data[0]?.embedding ?? [], expected);
  const count = tokensOf(text).length;
  expect(usage).toEqual({ prompt_tokens: count, total_tokens: count });
});

test('texts, token lists, floats and base64 give the same vectors, whatever runs beside them', async () => {
  const texts = Array.from({ length: 9 }, (_, index) => `${text} ${'again '.repeat(index)}`);
  const floats = await client.embeddings.create({
    ...{ model: 'test-model', input: texts, encoding_format: 'float' },
  });
  expect(floats.data.map(({ index }) => index)).toEqual(texts.map((_, index) => index));
  const tokens = await client.embeddings.create({ model: 'test-model', input: texts.map(tokensOf) });
  const alone = await client.embeddings.create({ model: 'test-model', input: tokensOf(texts[8] ?? '') });
  for (const [index, { embedding }] of floats.data.entries()) {
    expectClose(tokens.data[index]?.embedding ?? [], embedding);
  }
  expectClose(alone.data[0]?.embedding ?? [], floats.data[8]?.embedding ?? []);
});

test('dimensions: the first numbers, with length 1 again', async () => {
  const whole = await client.embeddings.create({ model: 'test-model', input: text });
  const cut = await client.embeddings.create({ model: 'test-model', input: text, dimensions: 8 });
  expectClose(cut.data[0]?.embedding ?? [], unit(whole.data[0]?.embedding.slice(0, 8) ?? []));
});

test('bad requests: empty inputs, unknown tokens, too many dimensions or tokens', async () => {
  const bodies = [
    { input: '' },
    { input: [] },
    { input: [[]] },
    { input: [999_999] },
    { input: text, dimensions: 100_000 },
    { input: text, encoding_format: 'int8' },
    { input: 'word '.repeat(100) },
    { input: text, model: 'another' },
  ];
  const answers = [];
  for (const body of bodies) {
    const response = await server.post('/v1/embeddings', body);
    const { error } = (await response.json()) as { error: { code: string; param: string | null } };
    answers.push(`${response.status} ${error.code} ${error.param}`);
  }
  expect(answers).toMatchInlineSnapshot(`
    [
      "400 invalid-field input",
      "400 invalid-field input",
      "400 invalid-field input.0",
      "400 invalid-field input",
      "400 invalid-field dimensions",
      "400 invalid-field encoding_format",
      "400 context-overflow null",
      "404 unknown-model null",
    ]
  `);
  expect(server.engine.load.runningCount).toBe(0);
  server.engine.checkIntegrity();
});

test("ollama's forms: unit vectors, the old form without scaling, cut or refused texts", async () => {
  const states = await statesOf(tokensOf(text));
  const embed = async (path: string, body: object) => (await server.post(path, body)).json();
  const { embeddings, prompt_eval_count } = (await embed('/api/embed', {
    model: 'test-model:latest',
    input: [text, ''],
  })) as { embeddings: number[][]; prompt_eval_count: number };
  expectClose(embeddings[0] ?? [], unit(mean(states)));
  expect(embeddings[1]).toEqual([]);
  expect(prompt_eval_count).toBe(states.length);
  const { embedding } = (await embed('/api/embeddings', { model: 'test-model', prompt: text })) as {
    embedding: number[];
  };
  expectClose(embedding, mean(states));
  const long = { model: 'test-model', input: 'word '.repeat(100) };
  expect(((await embed('/api/embed', long)) as { prompt_eval_count: number }).prompt_eval_count).toBe(63);
  expect((await server.post('/api/embed', { ...long, truncate: false })).status).toBe(400);
});

test('the last token: a cached prefix gives the same vector', async () => {
  const other = await startTestServer({ options: { contextMax: 64 } });
  try {
    const body = { input: text.repeat(3) };
    const [first, second] = [
      await other.post('/v1/embeddings', body),
      await other.post('/v1/embeddings', body),
    ];
    const vectors = [];
    for (const response of [first, second]) {
      const { data } = (await response.json()) as { data: { embedding: number[] }[] };
      vectors.push(data[0]?.embedding ?? []);
    }
    expectClose(vectors[0] ?? [], vectors[1] ?? []);
    expect(other.logs.map(({ cachedTokens }) => (cachedTokens ?? 0) > 0)).toEqual([false, true]);
  } finally {
    await other.close();
  }
});

test('a client that leaves frees all blocks', async () => {
  const leaving = new AbortController();
  const texts = Array.from({ length: 400 }, (_, index) => `${text} ${index}`);
  const answer = server.post('/v1/embeddings', { input: texts }, { signal: leaving.signal });
  setTimeout(() => leaving.abort(), 30);
  await expect(answer).rejects.toThrow();
  await expect
    .poll(() => server.engine.occupancy.every(({ owned }) => owned === 0) && server.activeCount === 0)
    .toBe(true);
  expect(server.engine.load).toEqual({ waitingCount: 0, runningCount: 0, pausedCount: 0 });
});
