/** OpenAI's Responses API, through its npm client. */
import OpenAI from 'openai';
import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer, toolTemplate } from '../../testing/test-server.test-data.ts';
import { responseSchema } from './response-schema.ts';

let server: TestServer;
let client: OpenAI;
beforeAll(async () => {
  server = await startTestServer({ template: toolTemplate, options: { contextMax: 1024 } });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 });
});
afterAll(() => server.close());

const direct = { model: 'test-model', temperature: 0, reasoning: { effort: 'none' as const } };

async function streamed(
  body: OpenAI.Responses.ResponseCreateParamsNonStreaming,
): Promise<{ readonly events: readonly ResponseStreamEvent[]; readonly final: Response }> {
  const stream = client.responses.stream({ ...body, stream: true });
  const events: ResponseStreamEvent[] = [];
  for await (const event of stream) events.push(event as ResponseStreamEvent);
  return { events, final: await stream.finalResponse() };
}

/** Drops what differs between two answers to one request. The client adds parsed fields to streams. */
function comparable({ output, status, usage }: Response) {
  return {
    output: output.map((item) => ({ ...item, id: '', call_id: '' })),
    status,
    total: usage?.total_tokens,
  };
}

test('basic and streamed: the same items, numbered events, and a limit of tokens that is named', async () => {
  const body = { ...direct, input: 'hello', instructions: 'Be brief.', max_output_tokens: 12 };
  const whole = await client.responses.create(body);
  responseSchema.parse(await (await server.post('/v1/responses', body)).json());
  expect(whole).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
  expect(whole.output_text.length).toBeGreaterThan(5);
  expect(whole.usage).toMatchObject({ output_tokens: 12 });
  const { events, final } = await streamed(body);
  expect(comparable(final)).toMatchObject(comparable(whole));
  expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
  expect([...new Set(events.map(({ type }) => type))]).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.incomplete',
  ]);
});

test('reasoning is an item of its own', async () => {
  const answer = await client.responses.create({
    model: 'test-model',
    input: 'hello',
    max_output_tokens: 12,
  });
  expect(answer.output).toMatchObject([{ type: 'reasoning', content: [{ type: 'reasoning_text' }] }]);
});

test('tools: an enforced call, streamed alike, and its result in the next turn', async () => {
  const tool: OpenAI.Responses.FunctionTool = {
    type: 'function',
    name: 'sail',
    strict: true,
    parameters: {
      type: 'object',
      properties: { knots: { enum: [5, 10] } },
      required: ['knots'],
      additionalProperties: false,
    },
  };
  const body = {
    ...direct,
    input: 'go',
    tools: [tool],
    tool_choice: 'required' as const,
    parallel_tool_calls: false,
    max_output_tokens: 300,
  };
  const whole = await client.responses.create(body);
  const [call] = whole.output;
  expect(call).toMatchObject({ type: 'function_call', name: 'sail', status: 'completed' });
  if (call?.type !== 'function_call') return;
  expect([{ knots: 5 }, { knots: 10 }]).toContainEqual(JSON.parse(call.arguments));
  const { final } = await streamed(body);
  expect(comparable(final)).toMatchObject(comparable(whole));
  const next = await client.responses.create({
    ...direct,
    input: [
      { role: 'user', content: 'go' },
      call,
      { type: 'function_call_output', call_id: call.call_id, output: 'sailing' },
    ],
    tools: [tool],
    max_output_tokens: 4,
  });
  expect(next.usage?.input_tokens).toBeGreaterThan(whole.usage?.input_tokens ?? 0);
});

test('several turns and roles; a text format with a schema', async () => {
  const answer = await client.responses.create({
    ...direct,
    input: [
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: [{ type: 'input_text', text: 'hello' }] },
      { role: 'assistant', content: 'hi' },
      { role: 'user', content: 'again' },
    ],
    text: { format: { type: 'json_schema', name: 'answer', schema: { type: 'boolean' } } },
    max_output_tokens: 20,
  });
  expect(answer.status).toBe('completed');
  expect(typeof JSON.parse(answer.output_text)).toBe('boolean');
});

test.each([
  [{ previous_response_id: 'resp_1' }, 'previous_response_id'],
  [{ tools: [{ type: 'web_search' as const }] }, 'tools.0.type'],
  [{ background: true }, 'background'],
  [{ input: [] }, 'input'],
])('refused: %j', async (wrong, param) => {
  await expect(client.responses.create({ ...direct, input: 'hello', ...wrong })).rejects.toMatchObject({
    status: 400,
    param,
  });
});
