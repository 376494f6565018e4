import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import type { ChatMessage } from './chat-message.ts';
import { type ChatInput, ChatTemplate } from './chat-template.ts';

interface Case {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly add_generation_prompt?: boolean;
  readonly enable_thinking?: boolean;
}

interface Fixture {
  readonly tokens: Readonly<Record<string, string>>;
  readonly cases: readonly Case[];
  readonly templates: readonly {
    readonly name: string;
    readonly template: string;
    readonly rendered: readonly (
      | { readonly text: string }
      | { readonly error: string; readonly message: string }
    )[];
  }[];
}

const path = join(import.meta.dirname, '../../../../fixtures/chat-templates.json');
const fixture = JSON.parse(readFileSync(path, 'utf8')) as Fixture;

function inputOf({
  messages,
  tools,
  add_generation_prompt: prompt,
  enable_thinking: thinking,
}: Case): ChatInput {
  return {
    messages,
    ...(tools !== undefined && { tools }),
    ...(prompt !== undefined && { addGenerationPrompt: prompt }),
    ...(thinking !== undefined && { variables: { enable_thinking: thinking } }),
  };
}

function outcome(act: () => string): string {
  try {
    return act();
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

test.each(fixture.templates)('$name: what transformers renders', ({ template, rendered }) => {
  const chat = new ChatTemplate(template, fixture.tokens);
  for (const [index, input] of fixture.cases.entries()) {
    const expected = rendered[index];
    const seen = outcome(() => chat.render(inputOf(input)).text);
    if (expected !== undefined && 'text' in expected) expect(seen).toBe(expected.text);
    else expect(seen).toMatch(/^chat-template-(?:refused|failed): /);
  }
});

const user: ChatMessage = { role: 'user', content: 'Hi' };

function attempt(source: string, input: Partial<ChatInput> = {}): string {
  return outcome(() => new ChatTemplate(source).render({ messages: [user], ...input }).text);
}

test('templates that refuse, fail, or cannot be read', () => {
  expect([
    attempt("{{ raise_exception('Only one message') }}"),
    attempt('{{ messages[0].content.explode() }}'),
    attempt('{% for message in messages %}'),
    attempt('{{ unknown_function() }}'),
  ]).toMatchInlineSnapshot(`
    [
      "chat-template-refused: the chat template refuses these messages: Only one message",
      "chat-template-failed: the chat template failed: Cannot call something that is not a function: got UndefinedValue",
      "chat-template-invalid: the chat template cannot be read: Cannot read properties of undefined (reading 'type')",
      "chat-template-failed: the chat template failed: Cannot call something that is not a function: got UndefinedValue",
    ]
  `);
});

test('templates that run or write without end stop at a limit', () => {
  const doubled = `{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}`;
  const nested = '{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}';
  const lists =
    '{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}';
  expect([
    attempt('{{ range(1000000000) | length }}'),
    attempt('{{ range(0, 10, 0) }}'),
    attempt(doubled),
    attempt(nested),
    attempt(lists),
    attempt(`{{ ${'('.repeat(100_000)} }}`).slice(0, 60),
    attempt('x'.repeat(1_048_577)),
  ]).toMatchInlineSnapshot(`
    [
      "chat-template-limit: the chat template asks for a range that is too long",
      "chat-template-limit: the chat template asks for a range that is too long",
      "chat-template-limit: the chat template writes a text that is too long",
      "chat-template-limit: the chat template takes too many steps",
      "chat-template-limit: the chat template takes too many steps",
      "chat-template-invalid: the chat template cannot be read: Max",
      "chat-template-invalid: the chat template cannot be read: it has 1048577 characters, at most 1048576 are read",
    ]
  `);
});

test('a template finds a clock only when it is given one', () => {
  const source = "{{ strftime_now('%d %b %Y, %-H:%M %% %q') if strftime_now is defined else 'no date' }}";
  expect(attempt(source)).toBe('no date');
  expect(attempt(source, { now: new Date(2024, 6, 6, 7, 5) })).toBe('06 Jul 2024, 7:05 % %q');
});

test('text parts and arguments as JSON text are made ready', () => {
  const messages: readonly ChatMessage[] = [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'one' },
        { type: 'text', text: 'two' },
      ],
    },
    { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{"a": 1}' } }] },
    { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: 'not JSON' } }] },
  ];
  const source =
    '{% for m in messages %}{{ m.content | default("-") }} {% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% endfor %};{% endfor %}';
  expect(outcome(() => new ChatTemplate(source).render({ messages }).text)).toBe(
    'one\ntwo ;- {"a": 1};- "not JSON";',
  );
});
