/** Anthropic's Messages API over a real socket. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer, toolTemplate } from '../testing/test-server.test-data.ts';
import { countResponseSchema, type Message, messageSchema } from './message-schema.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ template: toolTemplate, options: { contextMax: 1024 } });
});
afterAll(() => server.close());

const input_schema = { type: 'object', properties: { knots: { enum: [5, 10] } }, required: ['knots'] };
const tools = [{ name: 'sail', description: 'sail the ship', input_schema }];
const request = {
  model: 'test-model',
  max_tokens: 24,
  temperature: 0,
  system: 'Be brief.',
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }],
};

async function message(body: object): Promise<Message> {
  const response = await server.post('/v1/messages', body);
  return messageSchema.parse(await response.json());
}

interface Event {
  readonly type: string;
  readonly index?: number;
  readonly content_block?: Record<string, unknown>;
  readonly delta?: Record<string, string | null>;
  readonly usage?: Message['usage'];
}

async function events(body: object): Promise<readonly Event[]> {
  const response = await server.post('/v1/messages', { ...body, stream: true });
  const text = await response.text();
  return [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(([, name, data]) => {
    const event = JSON.parse(data ?? '') as Event;
    expect(event.type).toBe(name);
    return event;
  });
}

/** Rebuilds the content blocks from the events, as a client does. */
function rebuilt(all: readonly Event[]): readonly Record<string, unknown>[] {
  const blocks: Record<string, unknown>[] = [];
  let json = '';
  for (const { type, index, content_block: block, delta } of all) {
    if (type === 'content_block_start') {
      expect(index).toBe(blocks.length);
      blocks.push({ ...block });
      json = '';
    }
    const last = blocks.at(-1);
    if (type === 'content_block_delta' && last !== undefined && delta !== undefined) {
      if (delta.type === 'text_delta') last.text += delta.text ?? '';
      if (delta.type === 'thinking_delta') last.thinking += delta.thinking ?? '';
      if (delta.type === 'input_json_delta') json += delta.partial_json ?? '';
    }
    if (type === 'content_block_stop' && last?.type === 'tool_use') last.input = JSON.parse(json);
  }
  return blocks;
}

test('a message, and the same message as a stream, with the cached prompt the second time', async () => {
  const whole = await message(request);
  expect(whole).toMatchObject({
    type: 'message',
    role: 'assistant',
    model: 'test-model',
    stop_reason: 'max_tokens',
  });
  expect(whole.content).toEqual([{ type: 'text', text: expect.stringMatching(/.{5}/s) }]);
  const streamed = await events(request);
  expect(rebuilt(streamed)).toEqual(whole.content);
  expect(streamed.map(({ type }) => type).filter((type) => type !== 'content_block_delta')).toEqual([
    'message_start',
    'content_block_start',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ]);
  const usage = streamed.at(-2)?.usage;
  expect(usage?.cache_read_input_tokens).toBeGreaterThan(0);
  const { input_tokens: all } = countResponseSchema.parse(
    await (
      await server.post('/v1/messages/count_tokens', {
        model: 'test-model',
        system: request.system,
        messages: request.messages,
      })
    ).json(),
  );
  expect((usage?.input_tokens ?? 0) + (usage?.cache_read_input_tokens ?? 0)).toBe(all);
});

test('thinking becomes a block before the text', async () => {
  const thinking = { ...request, thinking: { type: 'enabled', budget_tokens: 1024 } };
  const whole = await message(thinking);
  expect(whole.content[0]).toMatchObject({ type: 'thinking', thinking: expect.stringMatching(/.{5}/s) });
  expect(rebuilt(await events(thinking))[0]).toMatchObject({
    type: 'thinking',
    thinking: whole.content[0]?.type === 'thinking' ? whole.content[0].thinking : '',
  });
});

test('an enforced tool use, whole and streamed; its result continues the chat', async () => {
  const asked = {
    ...request,
    temperature: 1,
    max_tokens: 300,
    tools,
    tool_choice: { type: 'any', disable_parallel_tool_use: true },
  };
  const whole = await message(asked);
  expect(whole.stop_reason).toBe('tool_use');
  const [use] = whole.content;
  expect(use).toMatchObject({ type: 'tool_use', name: 'sail', input: { knots: expect.any(Number) } });
  const streamed = await events(asked);
  expect(rebuilt(streamed)).toMatchObject([
    { type: 'tool_use', name: 'sail', input: { knots: expect.any(Number) } },
  ]);
  expect(streamed.at(-2)?.delta).toMatchObject({ stop_reason: 'tool_use' });
  const id = use?.type === 'tool_use' ? use.id : '';
  const next = await message({
    ...request,
    tools,
    messages: [
      ...request.messages,
      { role: 'assistant', content: whole.content },
      {
        role: 'user',
        content: [{ type: 'tool_result', tool_use_id: id, content: [{ type: 'text', text: 'sailing' }] }],
      },
    ],
  });
  expect(next.usage.input_tokens + next.usage.cache_read_input_tokens).toBeGreaterThan(
    whole.usage.input_tokens,
  );
});

test('a stop sequence is named', async () => {
  const whole = await message(request);
  const text = whole.content[0]?.type === 'text' ? whole.content[0].text : '';
  const stop = text.slice(3, 5);
  expect(await message({ ...request, stop_sequences: ['not there', stop] })).toMatchObject({
    stop_reason: 'stop_sequence',
    stop_sequence: stop,
    content: [{ type: 'text', text: text.slice(0, text.indexOf(stop)) }],
  });
});

test('the changing billing block of Claude Code does not reach the prompt, so the second turn hits the cache', async () => {
  const long = 'You are a careful sailor. '.repeat(20);
  const turn = (cch: string) => ({
    ...request,
    max_tokens: 1,
    system: [
      { type: 'text', text: `x-anthropic-billing-header: cc_version=2; cch=${cch};` },
      { type: 'text', text: long },
    ],
  });
  await message(turn('aaaaa'));
  const { usage } = await message(turn('bbbbb'));
  const all = usage.input_tokens + usage.cache_read_input_tokens;
  expect(usage.cache_read_input_tokens / all).toBeGreaterThan(0.9);
});

test.each([
  [{ ...request, model: 'claude' }, 404, 'not_found_error'],
  [{ ...request, max_tokens: 0 }, 400, 'invalid_request_error'],
  [
    { ...request, messages: [{ role: 'user', content: [{ type: 'image', source: {} }] }] },
    400,
    'invalid_request_error',
  ],
  [{ ...request, tool_choice: { type: 'any' } }, 400, 'invalid_request_error'],
])('errors have the form of the API: %#', async (body, status, type) => {
  const response = await server.post('/v1/messages', body);
  expect(response.status).toBe(status);
  const { error, ...rest } = (await response.json()) as { readonly error: { readonly type: string } };
  expect(error.type).toBe(type);
  expect(rest).toEqual({ type: 'error', request_id: response.headers.get('x-request-id') });
});
