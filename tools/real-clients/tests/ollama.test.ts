/** The client of ollama. */
import { Ollama } from 'ollama';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  isModelAbsent,
  modelName,
  rejection,
  type ServedModel,
  serveModel,
  untilFreed,
} from './served-model.test-data.ts';

const messages = [{ role: 'user', content: 'Name a big city of Japan and its inhabitants.' }];
const options = { temperature: 0, num_predict: 32 };
const parameters = {
  type: 'object',
  properties: {
    city: { type: 'string', maxLength: 30 },
    inhabitants: { type: 'integer', minimum: 0, maximum: 1e8 },
  },
  required: ['city', 'inhabitants'],
  additionalProperties: false,
};

describe.skipIf(isModelAbsent)('ollama', () => {
  let server: ServedModel;
  let client: Ollama;
  beforeAll(async () => {
    server = await serveModel();
    client = new Ollama({ host: server.url });
  });
  afterAll(() => server.close());

  test('a chat, a stream of the same text, and counts', async () => {
    const whole = await client.chat({ model: modelName, messages, options });
    expect(whole).toMatchObject({ done: true, message: { role: 'assistant' } });
    let text = '';
    let last = null;
    for await (const part of await client.chat({ model: modelName, messages, options, stream: true })) {
      text += part.message.content;
      last = part;
    }
    expect(text).toBe(whole.message.content);
    expect(last).toMatchObject({
      done: true,
      eval_count: whole.eval_count,
      prompt_eval_count: whole.prompt_eval_count,
    });
  });

  test('a completion, the names of models, and structured output', async () => {
    const made = await client.generate({ model: modelName, prompt: 'Once upon a time', options });
    expect(made.response?.length).toBeGreaterThan(10);
    expect((await client.list()).models.map(({ name }) => name)).toContain(modelName);
    expect((await client.show({ model: modelName })).details).toMatchObject({ format: 'gguf' });
    const { message } = await client.chat({
      model: modelName,
      messages,
      format: parameters,
      options: { ...options, num_predict: 80 },
    });
    expect(JSON.parse(message.content)).toEqual({
      city: expect.any(String),
      inhabitants: expect.any(Number),
    });
  });

  test('tools and results of earlier turns reach the prompt', async () => {
    const tools = [
      { type: 'function', function: { name: 'save_city', description: 'saves a city', parameters } },
    ];
    const plain = await client.chat({ model: modelName, messages, options });
    const answered = await client.chat({
      model: modelName,
      messages: [
        ...messages,
        {
          role: 'assistant',
          content: '',
          tool_calls: [{ function: { name: 'save_city', arguments: { city: 'Tokyo', inhabitants: 14 } } }],
        },
        { role: 'tool', content: 'saved', tool_name: 'save_city' },
      ],
      tools,
      options,
    });
    expect(answered.prompt_eval_count).toBeGreaterThan(plain.prompt_eval_count + 60);
    expect(answered.message.role).toBe('assistant');
  });

  test('an aborted stream frees its blocks', async () => {
    const stream = await client.chat({
      model: modelName,
      messages,
      options: { num_predict: 1500 },
      stream: true,
    });
    const read = rejection(
      (async () => {
        for await (const _part of stream) stream.abort();
      })(),
    );
    expect(await read).toMatchObject({ name: 'AbortError' });
    await untilFreed(server);
  });

  test('errors have the status and the message of the server', async () => {
    const unknown = await rejection(client.chat({ model: 'llama3', messages }));
    expect(unknown).toMatchObject({
      name: 'ResponseError',
      status_code: 404,
      error: expect.stringContaining('llama3'),
    });
    const tooLong = client.chat({ model: modelName, messages, options: { num_predict: 5000 } });
    expect(await rejection(tooLong)).toMatchObject({ status_code: 400 });
  });
});
