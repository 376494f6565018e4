/** The npm client of OpenAI against a running server. */
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, until } from '../testing/test-server.test-data.ts';

let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  server = await startTestServer();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => server.close());

const model = 'test-model';
const messages = [{ role: 'user' as const, content: 'hello world' }];
const greedy = { model, messages, temperature: 0, max_completion_tokens: 16 };

describe('chat completions', () => {
  test('an answer, its usage, and the prompt from the cache the second time', async () => {
    const first = await client.chat.completions.create(greedy);
    expect(first).toMatchObject({ object: 'chat.completion', model });
    expect(first.choices[0]?.message.content?.length).toBeGreaterThan(10);
    expect(first.usage).toMatchObject({ completion_tokens: 16 });
    const second = await client.chat.completions.create(greedy);
    expect(second.choices[0]?.message.content).toBe(first.choices[0]?.message.content);
    expect(second.usage?.prompt_tokens_details?.cached_tokens).toBeGreaterThan(0);
    expect(second.usage?.total_tokens).toBe((second.usage?.prompt_tokens ?? 0) + 16);
  });

  test('a stream has the same text, one usage chunk at the end, and one finish reason', async () => {
    const whole = await client.chat.completions.create(greedy);
    const stream = await client.chat.completions.create({
      ...greedy,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    const ends: unknown[] = [];
    const usages: unknown[] = [];
    for await (const { choices, usage } of stream) {
      text += choices[0]?.delta.content ?? '';
      if (choices[0]?.finish_reason != null) ends.push(choices[0].finish_reason);
      if (usage != null) usages.push(usage.completion_tokens);
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect([ends, usages]).toEqual([['length'], [16]]);
  });

  test('a seed repeats a sampled answer; n answers differ; a stop text ends an answer', async () => {
    const sampled = { model, messages, temperature: 2, top_p: 1, max_tokens: 16, seed: 7 };
    const texts = async (more: { readonly n?: number; readonly seed?: number; readonly stop?: string }) =>
      (await client.chat.completions.create({ ...sampled, ...more })).choices.map(
        ({ message }) => message.content,
      );
    const [one] = await texts({});
    expect(await texts({})).toEqual([one]);
    expect(await texts({ seed: 8 })).not.toEqual([one]);
    const three = await texts({ n: 3 });
    expect(new Set(three).size).toBe(3);
    expect(three[0]).toBe(one);
    const stop = one?.slice(4, 7) ?? '';
    expect(await texts({ stop })).toEqual([one?.slice(0, one.indexOf(stop))]);
  });

  test('logprobs: the chosen token is the most likely under greedy sampling; a bias forbids it', async () => {
    const answer = await client.chat.completions.create({ ...greedy, logprobs: true, top_logprobs: 3 });
    const tokens = answer.choices[0]?.logprobs?.content ?? [];
    expect(tokens).toHaveLength(16);
    for (const { token, logprob, top_logprobs: top } of tokens) {
      expect(top).toHaveLength(3);
      expect(top[0]).toMatchObject({ token, logprob });
      expect(logprob).toBeLessThanOrEqual(0);
    }
    const text = tokens.flatMap(({ bytes }) => bytes ?? []);
    expect(Buffer.from(text).toString()).toBe(answer.choices[0]?.message.content);
    const tokenized = await server.post('/tokenize', { content: tokens[0]?.token, add_special: false });
    const { tokens: ids } = (await tokenized.json()) as { tokens: readonly number[] };
    const biased = await client.chat.completions.create({
      ...greedy,
      logit_bias: Object.fromEntries(ids.map((id) => [id, -100])),
      logprobs: true,
    });
    expect(biased.choices[0]?.logprobs?.content?.[0]?.token).not.toBe(tokens[0]?.token);
  });

  test('json_schema: the answer conforms to the schema; json_object: it is an object', async () => {
    const properties = { tonnage: { type: 'integer' }, afloat: { type: 'boolean' } };
    const schema = {
      type: 'object',
      properties,
      required: ['tonnage', 'afloat'],
      additionalProperties: false,
    };
    const structured = await client.chat.completions.create({
      ...greedy,
      temperature: 1,
      max_completion_tokens: 64,
      response_format: { type: 'json_schema', json_schema: { name: 'ship', schema, strict: true } },
    });
    expect(JSON.parse(structured.choices[0]?.message.content ?? '')).toEqual({
      tonnage: expect.any(Number),
      afloat: expect.any(Boolean),
    });
    const free = await client.chat.completions.create({
      ...greedy,
      max_completion_tokens: 40,
      response_format: { type: 'json_object' },
    });
    expect(typeof JSON.parse(free.choices[0]?.message.content ?? '')).toBe('object');
  });

  test('an aborted stream frees its blocks', async () => {
    const stream = await client.chat.completions.create({
      model,
      messages,
      temperature: 0,
      max_tokens: 400,
      stream: true,
    });
    for await (const { choices } of stream) if (choices[0]?.delta.content) break;
    stream.controller.abort();
    await until(() => server.engine.load.runningCount === 0, 'the aborted request has left the engine');
    expect(server.engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
    server.engine.checkIntegrity();
  });

  test.each([
    ['an unknown model', { ...greedy, model: 'gpt-5' }, 404, 'unknown-model'],
    ['a temperature out of range', { ...greedy, temperature: -1 }, 400, 'invalid-field'],
    ['a context that is too short', { ...greedy, max_completion_tokens: 5000 }, 400, 'context-overflow'],
    ['more answers than sequences', { ...greedy, n: 100 }, 400, 'bad-choices'],
  ])('%s is refused with its code', async (_, request, status, code) => {
    const error = await client.chat.completions.create(request).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(OpenAI.APIError);
    expect(error).toMatchObject({ status, code });
  });
});

describe('completions', () => {
  test('several prompts, several answers, in order; a stream has the same texts', async () => {
    const request = { model, prompt: ['once', 'twice'], n: 2, temperature: 1, seed: 3, max_tokens: 8 };
    const whole = await client.completions.create(request);
    expect(whole.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const texts = ['', '', '', ''];
    for await (const { choices } of await client.completions.create({ ...request, stream: true })) {
      for (const { index, text } of choices) texts[index] += text;
    }
    expect(texts).toEqual(whole.choices.map(({ text }) => text));
    expect(new Set(texts).size).toBe(4);
  });

  test('echo with logprobs scores the prompt as the generation of its tokens would', async () => {
    const request = { model, temperature: 0, logprobs: 1 };
    const made = await client.completions.create({ ...request, prompt: 'hello', max_tokens: 6 });
    const text = `hello${made.choices[0]?.text}`;
    const scored = await client.completions.create({ ...request, prompt: text, max_tokens: 0, echo: true });
    expect(scored.choices[0]?.text).toBe(text);
    const { tokens = [], token_logprobs: scores = [] } = scored.choices[0]?.logprobs ?? {};
    expect(scores[0]).toBeNull();
    expect(tokens.join('')).toContain('hello');
    const generated = made.choices[0]?.logprobs?.token_logprobs ?? [];
    if (tokens.slice(-6).join('') === made.choices[0]?.text) {
      scores.slice(-6).forEach((score, index) => {
        expect(score).toBeCloseTo(generated[index] ?? 0, 3);
      });
    }
  });
});

test('models: every name, and a name that is not served', async () => {
  const names: string[] = [];
  for await (const { id } of client.models.list()) names.push(id);
  expect(names).toEqual(['test-model', 'chat-model']);
  expect(await client.models.retrieve('chat-model')).toMatchObject({ id: 'chat-model' });
  await expect(client.models.retrieve('gpt-5')).rejects.toMatchObject({ status: 404 });
});
