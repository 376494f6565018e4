/** Ollama's API over a real socket. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { z } from 'zod';
import { startTestServer, type TestServer, toolTemplate } from '../testing/test-server.test-data.ts';
import {
  ollamaChatAnswerSchema,
  ollamaGenerateAnswerSchema,
  ollamaShowSchema,
  ollamaTagsSchema,
} from './ollama-schema.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ template: toolTemplate });
});
afterAll(() => server.close());

const options = { temperature: 0, num_predict: 12 };
const chat = {
  model: 'test-model:latest',
  messages: [{ role: 'user', content: 'hello' }],
  think: false,
  options,
};

async function lines<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  body: object,
): Promise<z.output<Schema>[]> {
  const response = await server.post(path, body);
  expect(response.headers.get('content-type')).toContain('application/x-ndjson');
  const text = await response.text();
  return text
    .trimEnd()
    .split('\n')
    .map((line) => schema.parse(JSON.parse(line)));
}

test('a chat: lines by default, and the same text whole', async () => {
  const streamed = await lines('/api/chat', ollamaChatAnswerSchema, chat);
  const whole = ollamaChatAnswerSchema.parse(
    await (await server.post('/api/chat', { ...chat, stream: false })).json(),
  );
  expect(streamed.map(({ message }) => message.content).join('')).toBe(whole.message.content);
  expect(whole.message.content.length).toBeGreaterThan(5);
  expect(whole).toMatchObject({ done: true, done_reason: 'length', eval_count: 12, model: chat.model });
  expect(streamed.map(({ done }) => done)).toEqual([...streamed.slice(1).map(() => false), true]);
  const thought = ollamaChatAnswerSchema.parse(
    await (await server.post('/api/chat', { ...chat, think: true, stream: false })).json(),
  );
  expect(thought.message.thinking?.length).toBeGreaterThan(5);
});

test('generate: with the template, raw, and in a format', async () => {
  const asked = { model: 'test-model', prompt: 'hello', think: false, options };
  const templated = await lines('/api/generate', ollamaGenerateAnswerSchema, asked);
  const raw = await lines('/api/generate', ollamaGenerateAnswerSchema, { ...asked, raw: true });
  expect(raw.at(-1)?.prompt_eval_count).toBeLessThan(templated.at(-1)?.prompt_eval_count ?? 0);
  const shaped = { ...asked, format: { type: 'boolean' }, stream: false };
  const { response } = ollamaGenerateAnswerSchema.parse(
    await (await server.post('/api/generate', shaped)).json(),
  );
  expect(typeof JSON.parse(response)).toBe('boolean');
});

test('tags, show, version, and errors in its form', async () => {
  const tags = ollamaTagsSchema.parse(await (await fetch(`${server.url}/api/tags`)).json());
  expect(tags.models.map(({ name }) => name)).toEqual(['test-model', 'chat-model']);
  const shown = ollamaShowSchema.parse(
    await (await server.post('/api/show', { model: 'test-model' })).json(),
  );
  expect(shown).toMatchObject({
    capabilities: ['completion', 'tools', 'thinking'],
    details: { format: 'safetensors' },
  });
  expect(await (await fetch(`${server.url}/api/version`)).json()).toEqual({ version: expect.any(String) });
  const wrong = await server.post('/api/chat', { ...chat, model: 'other' });
  expect([wrong.status, await wrong.json()]).toEqual([404, { error: expect.stringContaining('other') }]);
});
