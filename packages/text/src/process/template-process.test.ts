import { PlimsollError } from '@plimsoll/foundation';
import { afterAll, expect, test } from 'vitest';
import { TemplateProcess } from './template-process.ts';

const templates = new TemplateProcess();
afterAll(() => templates.close());

async function outcome(source: string, signal?: AbortSignal): Promise<string> {
  const input = { messages: [{ role: 'user', content: '<|b|>' }], now: new Date(2024, 6, 6) };
  try {
    const job = { name: 'default', source, tokens: { bos_token: '<|a|>' }, input };
    const { text, templateSpans } = await templates.render(job, signal);
    return `${text} ${templateSpans.join('-')}`;
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
}

test('renders what a template says, and passes on what it refuses', async () => {
  expect(await outcome("{{ bos_token ~ messages[0].content }}{{ strftime_now('%Y') }}")).toBe(
    '<|a|><|b|>2024 0-5',
  );
  expect(await outcome("{{ raise_exception('no') }}")).toBe(
    'chat-template-refused: the chat template refuses these messages: no',
  );
});

const doubled =
  "{% set ns = namespace(x='ab') %}{% for i in range(22) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}";

/** Each hung the program, or aborts V8 when it runs in a worker thread. */
const hostile = {
  'steps that grow exponentially': `{% set x = ['a'] %}${'{% set x = [x, x] %}'.repeat(40)}{{ x | tojson }}`,
  'a parser that is quadratic': `{{${' '.repeat(1_000_000)}}}`,
  'one operation that needs gigabytes': `${doubled}{{ ns.x.split('b') | length }}`,
  'texts that pile up': `${doubled}{% set y = [ns.x, ns.x, ns.x] %}{% for i in range(9000) %}{{ y | join('x') | upper }}{% endfor %}`,
};

test.each(Object.entries(hostile))('%s: a typed error, and the next rendering works', async (_, source) => {
  expect(await outcome(source)).toMatch(/^chat-template-limit: the chat template /);
  expect(await outcome('{{ messages[0].content }}')).toBe('<|b|> ');
});

test('a signal stops a rendering at once', async () => {
  const controller = new AbortController();
  const rendering = outcome(hostile['steps that grow exponentially'], controller.signal);
  controller.abort(new PlimsollError({ code: 'stopped', message: 'by the caller' }));
  expect(await rendering).toBe('stopped: by the caller');
});
