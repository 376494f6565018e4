/** Tools and reasoning, through the npm client of OpenAI. */
import { defined } from '@plimsoll/foundation';
import OpenAI from 'openai';
import type { ChatCompletionTool } from 'openai/resources/chat/completions';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer, toolTemplate } from '../testing/test-server.test-data.ts';

let servers: readonly TestServer[] = [];
/** Their templates show tools in Hermes's form, in Llama's form, and not at all. */
const templates = [
  toolTemplate,
  '{% if tools %}<|python_tag|>{{ tools | tojson }}{% endif %}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}',
  '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]',
];
beforeAll(async () => {
  servers = await Promise.all(
    templates.map((template) => startTestServer({ template, options: { contextMax: 1024 } })),
  );
});
afterAll(() => Promise.all(servers.map((server) => server.close())));

function clientOf(index: number): OpenAI {
  return new OpenAI({ baseURL: `${servers[index]?.url}/v1`, apiKey: 'none', maxRetries: 0 });
}

const tool = (name: string, properties: Record<string, unknown>): ChatCompletionTool => ({
  type: 'function',
  function: {
    name,
    description: `${name} the ship`,
    parameters: {
      type: 'object',
      properties,
      required: Object.keys(properties),
      additionalProperties: false,
    },
  },
});
const tools = [
  tool('sail', { knots: { $ref: '#/$defs/speed' } }),
  tool('anchor', { deep: { type: 'boolean' } }),
].map((one, index) =>
  index === 0 && one.type === 'function'
    ? {
        ...one,
        function: {
          ...one.function,
          parameters: { ...one.function.parameters, $defs: { speed: { enum: [5, 10] } } },
        },
      }
    : one,
);
const request = {
  model: 'test-model',
  messages: [{ role: 'user' as const, content: 'go' }],
  temperature: 1,
  max_tokens: 400,
  tools,
};

function checkCall(name: string | undefined, given: string | undefined): void {
  const values: unknown = JSON.parse(given ?? '');
  if (name === 'sail') expect([{ knots: 5 }, { knots: 10 }]).toContainEqual(values);
  else expect([name, values]).toEqual(['anchor', { deep: expect.any(Boolean) }]);
}

test.each([0, 1, 2])(
  'template %i: required calls conform to the tools, whole and in a stream',
  async (index) => {
    const client = clientOf(index);
    for (const seed of [1, 2, 3]) {
      const answer = await client.chat.completions.create({
        ...request,
        seed,
        tool_choice: 'required',
        parallel_tool_calls: seed !== 3,
      });
      const [choice] = answer.choices;
      expect(choice?.finish_reason).toBe('tool_calls');
      const calls = choice?.message.tool_calls ?? [];
      expect(calls.length).toBeGreaterThan(0);
      if (seed === 3) expect(calls).toHaveLength(1);
      for (const call of calls)
        if (call.type === 'function') checkCall(call.function.name, call.function.arguments);
    }
    const runner = client.chat.completions.stream({
      ...request,
      seed: 4,
      tool_choice: { type: 'function', function: { name: 'anchor' } },
    });
    const final = await runner.finalChatCompletion();
    const [choice] = final.choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    for (const call of choice?.message.tool_calls ?? []) {
      expect(call).toMatchObject({ type: 'function', function: { name: 'anchor' } });
      if (call.type === 'function') checkCall(call.function.name, call.function.arguments);
    }
  },
);

test('calls and results of earlier turns reach the prompt; tools that cannot be shown are written', async () => {
  const messages = [
    { role: 'user', content: 'go' },
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'sail', arguments: '{"knots": 5}' } }],
    },
    { role: 'tool', tool_call_id: 'call_1', content: 'sailing' },
  ];
  const rendered = async (index: number): Promise<string> => {
    const server = defined(servers[index], 'there are three servers');
    const response = await server.post('/apply-template', { messages, tools: tools.slice(1) });
    const { prompt } = (await response.json()) as { readonly prompt: string };
    return prompt;
  };
  expect(await rendered(0)).toContain('[tool]sailing');
  expect(await rendered(0)).toContain('sail{"knots": 5}');
  expect(await rendered(2)).toMatchInlineSnapshot(`
    "[user]You may call these functions:
    <tools>
    {"type":"function","function":{"name":"anchor","description":"anchor the ship","parameters":{"type":"object","properties":{"deep":{"type":"boolean"}},"required":["deep"],"additionalProperties":false}}}
    </tools>
    To call one, answer with <tool_call>
    {"name": "the function", "arguments": {...}}
    </tool_call>

    go[assistant]<tool_call>
    {"name": "sail", "arguments": {"knots": 5}}
    </tool_call>[user]<tool_response>
    sailing
    </tool_response>[assistant]"
  `);
});

test('reasoning that the template starts is split off', async () => {
  const answer = await clientOf(0).chat.completions.create({
    ...request,
    tools: [],
    max_tokens: 20,
    seed: 1,
  });
  const message = answer.choices[0]?.message as { content: string | null; reasoning_content?: string };
  expect(message.content).toBe('');
  expect(message.reasoning_content?.length).toBeGreaterThan(5);
  const plain = {
    ...request,
    tools: [],
    max_tokens: 20,
    seed: 1,
    chat_template_kwargs: { enable_thinking: false },
  };
  const direct = await clientOf(0).chat.completions.create(plain);
  expect(direct.choices[0]?.message.content?.length).toBeGreaterThan(5);
});

test('tool_choice none, no tools, two equal names', async () => {
  const client = clientOf(0);
  const none = await client.chat.completions.create({ ...request, max_tokens: 8, tool_choice: 'none' });
  expect(none.choices[0]?.message.tool_calls).toBeUndefined();
  for (const [wrong, param] of [
    [{ tools: [], tool_choice: 'required' as const }, 'tool_choice'],
    [{ tool_choice: { type: 'function' as const, function: { name: 'fly' } } }, 'tool_choice'],
    [{ tools: [...tools, ...tools] }, 'tools'],
  ] as const) {
    await expect(
      client.chat.completions.create({ ...request, ...wrong, tools: [...(wrong.tools ?? tools)] }),
    ).rejects.toMatchObject({
      status: 400,
      param,
    });
  }
});
