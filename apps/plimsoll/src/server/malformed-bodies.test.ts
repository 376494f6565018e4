/** Seeded malformed bodies: every one gets a 4xx in the form of its API or an ordinary answer, and nothing leaks. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { errorFormOf } from './http/error-forms.ts';
import { startTestServer, type TestServer, until } from './testing/test-server.test-data.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const chat = {
  model: 'test-model',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: [{ type: 'text', text: 'hello' }] },
  ],
  max_tokens: 12,
  temperature: 0.5,
  top_p: 0.9,
  stop: ['\n\n'],
  n: 1,
  seed: 1,
  logprobs: true,
  top_logprobs: 2,
  logit_bias: { '5': 1 },
  stream: false,
  stream_options: { include_usage: true },
  response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { type: 'boolean' } } },
  tools: [{ type: 'function', function: { name: 'sail', parameters: { type: 'object' } } }],
  tool_choice: 'auto',
  parallel_tool_calls: true,
  chat_template_kwargs: { enable_thinking: false },
};
const completion = { prompt: ['hello', 'world'], max_tokens: 2, echo: true, logprobs: 1, best_of: 1 };
const bodies: Readonly<Record<string, unknown>> = {
  '/v1/chat/completions': chat,
  '/v1/completions': completion,
  '/v1/responses': {
    model: 'test-model',
    input: [
      { role: 'user', content: [{ type: 'input_text', text: 'hello' }] },
      { type: 'function_call', call_id: 'call_1', name: 'sail', arguments: '{}' },
      { type: 'function_call_output', call_id: 'call_1', output: 'sailing' },
    ],
    instructions: 'Be brief.',
    max_output_tokens: 2,
    text: { format: { type: 'text' } },
    tools: [{ type: 'function', name: 'sail', parameters: {} }],
    reasoning: { effort: 'low' },
  },
  '/v1/messages': {
    model: 'test-model',
    max_tokens: 2,
    system: [{ type: 'text', text: 'Be brief.' }],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'hello' }] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'sail', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'sailing' }] },
    ],
    tools: [{ name: 'sail', input_schema: { type: 'object' } }],
    tool_choice: { type: 'auto' },
    thinking: { type: 'enabled', budget_tokens: 1024 },
  },
  '/api/chat': {
    model: 'test-model',
    messages: [{ role: 'user', content: 'hello' }],
    stream: false,
    format: '',
    options: { num_predict: 2, stop: ['\n\n'], temperature: 0.5 },
  },
  '/api/generate': {
    model: 'test-model',
    prompt: 'hello',
    raw: true,
    stream: false,
    options: { num_predict: 2 },
  },
  '/completion': {
    prompt: [{ prompt_string: 'hello' }, [1, 'world'], 'again'],
    n_predict: 8,
    stop: ['\n\n'],
    logit_bias: [
      [5, 1],
      ['wind', false],
    ],
    n_probs: 1,
    json_schema: { type: 'boolean' },
    response_fields: ['content', 'timings/prompt_ms'],
    cache_prompt: false,
    seed: 1,
  },
  '/embeddings': { content: ['hello', [1, 'world']], embd_normalize: -1 },
  '/tokenize': { content: 'hello', add_special: true, with_pieces: true },
  '/detokenize': { tokens: [1, 2, 3] },
  '/apply-template': { messages: chat.messages },
};

/** Paths of all values inside a body. */
function pathsOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function replaced(value: unknown, path: readonly string[], made: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return made;
  const copy = structuredClone(value) as Record<string, unknown>;
  copy[key] = replaced(copy[key], rest, made);
  return copy;
}

const wrongValue = fc.oneof(
  fc.constantFrom(null, true, -1, 0.5, 1e308, -1e308, 2 ** 53, '', '\u0000', '\ud800', [], {}, [[]], [null], {
    type: 'x',
  }),
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
);
const mutation = fc.constantFrom(...Object.keys(bodies)).chain((route) =>
  fc.record({
    route: fc.constant(route),
    path: fc.constantFrom(...pathsOf(bodies[route])),
    made: wrongValue,
    cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 8 }),
  }),
);

test('the bodies that are mutated are valid', async () => {
  for (const [route, body] of Object.entries(bodies)) {
    const { status } = await server.post(route, body);
    expect([route, status]).toEqual([route, 200]);
  }
});

test('1,000 bodies with one wrong value or a cut: a status, a form, and no leak', async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(mutation, async ({ route, path, made, cut }) => {
      const text = JSON.stringify(replaced(bodies[route], path, made)) ?? '';
      const response = await server.post(
        route,
        cut === null ? text : text.slice(0, Math.floor(cut * text.length)),
      );
      const answer = await response.text();
      if (response.status === 200) return;
      refused++;
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      errorFormOf(route).schema.parse(JSON.parse(answer));
    }),
    { numRuns: 1000 },
  );
  expect(refused).toBeGreaterThan(300);
  await until(() => server.activeCount === 0, 'every call has ended');
  const { engine } = server;
  expect([engine.load.runningCount, engine.load.waitingCount]).toEqual([0, 0]);
  expect(engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
  engine.checkIntegrity();
  expect(server.logs.filter(({ error }) => error === 'internal-error')).toEqual([]);
  expect((await server.post('/v1/chat/completions', chat)).status).toBe(200);
});
