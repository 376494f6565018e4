/** LangChain's model of OpenAI. */
import type { AIMessageChunk, UsageMetadata } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, type ChatOpenAIFields } from '@langchain/openai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  isModelAbsent,
  modelName,
  rejection,
  type ServedModel,
  serveModel,
  untilFreed,
  untilRunning,
} from './served-model.test-data.ts';

const city = z.object({ city: z.string().max(30), inhabitants: z.int().min(0).max(100_000_000) });
const saveCity = tool(() => 'saved', { name: 'save_city', description: 'saves a city', schema: city });
const anchor = tool(() => 'anchored', {
  name: 'anchor',
  description: 'anchors',
  schema: z.object({ deep: z.boolean() }),
});
const prompt = 'Name a big city of Japan and its inhabitants.';

describe.skipIf(isModelAbsent).each([
  ['chat', false],
  ['Responses', true],
])('@langchain/openai, %s', (_, useResponsesApi) => {
  let server: ServedModel;
  beforeAll(async () => {
    server = await serveModel();
  });
  afterAll(() => server.close());

  const chatModel = (fields: ChatOpenAIFields = {}): ChatOpenAI =>
    new ChatOpenAI({
      model: modelName,
      apiKey: 'none',
      configuration: { baseURL: `${server.url}/v1` },
      temperature: 0,
      maxTokens: 120,
      maxRetries: 0,
      useResponsesApi,
      ...fields,
    });

  test('an answer, a stream of the same text, and a prompt from the cache', async () => {
    const whole = await chatModel().invoke(prompt);
    expect(whole.text.length).toBeGreaterThan(10);
    let text = '';
    let usage: UsageMetadata | undefined;
    for await (const chunk of await chatModel().stream(prompt)) {
      text += chunk.text;
      usage = chunk.usage_metadata ?? usage;
    }
    expect(text).toBe(whole.text);
    expect(usage?.input_token_details?.cache_read).toBeGreaterThan(15);
  });

  test('structured output by a schema and by an enforced call', async () => {
    for (const method of ['jsonSchema', 'functionCalling'] as const) {
      const output = await chatModel().withStructuredOutput(city, { method }).invoke(prompt);
      expect(city.parse(output)).toEqual(output);
    }
  });

  test('enforced calls, whole and streamed; the next turn reads the results', async () => {
    const enforced = chatModel({ maxTokens: 120 }).bindTools([saveCity, anchor], {
      tool_choice: 'save_city',
    });
    const whole = await enforced.invoke(prompt);
    const calls = whole.tool_calls ?? [];
    expect(calls.length).toBeGreaterThan(0);
    for (const { name, args } of calls) {
      expect(name).toBe('save_city');
      expect(city.parse(args)).toEqual(args);
    }
    let streamed: AIMessageChunk | undefined;
    for await (const chunk of await enforced.stream(prompt)) streamed = streamed?.concat(chunk) ?? chunk;
    expect(streamed?.tool_calls?.map(({ args }) => args)).toEqual(calls.map(({ args }) => args));
    const results = calls.map(({ id }) => ({ role: 'tool', tool_call_id: id ?? '', content: 'saved' }));
    const next = await chatModel().invoke([{ role: 'user', content: prompt }, whole, ...results]);
    expect(next.text.length).toBeGreaterThan(0);
  });

  test('an aborted stream and an aborted answer free their blocks', async () => {
    const long = chatModel({ maxTokens: 1500 });
    for await (const _chunk of await long.stream(prompt)) break;
    await untilFreed(server);
    const controller = new AbortController();
    const failed = rejection(long.invoke(prompt, { signal: controller.signal }));
    await untilRunning(server);
    controller.abort();
    expect(await failed).toBeInstanceOf(Error);
    await untilFreed(server);
  });

  test('errors have classes and codes', async () => {
    const unknown = await rejection(chatModel({ model: 'gpt-5' }).invoke(prompt));
    expect(unknown).toMatchObject({ status: 404, lc_error_code: 'MODEL_NOT_FOUND' });
    const tooLong = await rejection(chatModel({ maxTokens: 5000 }).invoke(prompt));
    expect(tooLong).toBeInstanceOf(OpenAI.BadRequestError);
    expect(tooLong).toMatchObject({ status: 400, code: 'context-overflow' });
  });
});
