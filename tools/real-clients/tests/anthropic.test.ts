/** The client of Anthropic. */
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  isModelAbsent,
  modelName,
  rejection,
  type ServedModel,
  serveModel,
  untilFreed,
  untilRunning,
} from './served-model.test-data.ts';

const messages = [{ role: 'user' as const, content: 'Name a big city of Japan and its inhabitants.' }];
const greedy = { model: modelName, messages, max_tokens: 32, temperature: 0 };
const cityTool = {
  name: 'save_city',
  description: 'saves a city',
  input_schema: {
    type: 'object' as const,
    properties: {
      city: { type: 'string', maxLength: 30 },
      inhabitants: { type: 'integer', minimum: 0, maximum: 1e8 },
    },
    required: ['city', 'inhabitants'],
    additionalProperties: false,
  },
};
const anchorTool = {
  name: 'anchor',
  input_schema: { type: 'object' as const, properties: {}, additionalProperties: false },
};
const cityInput = { city: expect.any(String), inhabitants: expect.any(Number) };

describe.skipIf(isModelAbsent)('@anthropic-ai/sdk', () => {
  let server: ServedModel;
  let client: Anthropic;
  beforeAll(async () => {
    server = await serveModel();
    client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
  });
  afterAll(() => server.close());

  test('a message, a stream of the same text, and a prompt from the cache', async () => {
    const whole = await client.messages.create(greedy);
    expect(whole).toMatchObject({ type: 'message', role: 'assistant', content: [{ type: 'text' }] });
    const stream = client.messages.stream(greedy);
    let text = '';
    stream.on('text', (piece) => {
      text += piece;
    });
    const final = await stream.finalMessage();
    expect(final.content).toEqual(whole.content);
    expect(whole.content).toMatchObject([{ text }]);
    expect(final.stop_reason).toBe(whole.stop_reason);
    const { input_tokens: fresh, cache_read_input_tokens: cached, output_tokens: output } = final.usage;
    expect(cached).toBeGreaterThan(15);
    expect(output).toBe(whole.usage.output_tokens);
    const { input_tokens: counted } = await client.messages.countTokens({ model: modelName, messages });
    expect(counted).toBe(fresh + (cached ?? 0));
  });

  test('an enforced call, whole and streamed; the next turn reads its result', async () => {
    const request = { ...greedy, max_tokens: 120, tools: [cityTool, anchorTool] };
    const choice = { type: 'tool' as const, name: 'save_city', disable_parallel_tool_use: true };
    const whole = await client.messages.create({ ...request, tool_choice: choice });
    expect(whole.stop_reason).toBe('tool_use');
    expect(whole.content).toEqual([
      expect.objectContaining({ type: 'tool_use', name: 'save_city', input: cityInput }),
    ]);
    const stream = client.messages.stream({ ...request, tool_choice: choice });
    let pieces = 0;
    stream.on('inputJson', () => {
      pieces++;
    });
    const final = await stream.finalMessage();
    expect(final.content).toMatchObject([{ type: 'tool_use', name: 'save_city', input: cityInput }]);
    expect(pieces).toBeGreaterThan(1);
    const [call] = whole.content;
    const result = await client.messages.create({
      ...request,
      messages: [
        ...messages,
        { role: 'assistant', content: whole.content },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: call?.type === 'tool_use' ? call.id : '', content: 'saved' },
          ],
        },
      ],
      tool_choice: { type: 'none' },
    });
    expect(result.content).toMatchObject([{ type: 'text' }]);
  });

  test('an aborted stream and an aborted answer free their blocks', async () => {
    const long = { ...greedy, max_tokens: 1500 };
    const stream = client.messages.stream(long);
    stream.once('text', () => stream.abort());
    expect(await rejection(stream.finalMessage())).toBeInstanceOf(Anthropic.APIUserAbortError);
    await untilFreed(server);
    const controller = new AbortController();
    const failed = rejection(client.messages.create(long, { signal: controller.signal }));
    await untilRunning(server);
    controller.abort();
    expect(await failed).toBeInstanceOf(Anthropic.APIUserAbortError);
    await untilFreed(server);
  });

  test('errors have the classes of the client', async () => {
    const unknown = await rejection(client.messages.create({ ...greedy, model: 'claude' }));
    expect(unknown).toBeInstanceOf(Anthropic.NotFoundError);
    expect(unknown).toMatchObject({ status: 404, type: 'not_found_error', requestID: expect.any(String) });
    const tooLong = await rejection(client.messages.create({ ...greedy, max_tokens: 5000 }));
    expect(tooLong).toBeInstanceOf(Anthropic.BadRequestError);
    expect(tooLong).toMatchObject({
      type: 'invalid_request_error',
      message: expect.stringContaining('2048'),
    });
  });
});
