import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonTokenizer, jsonVariants } from '../tokenizer/fixtures.test-data.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import type { ChatMessage } from './chat-message.ts';
import { ChatTemplate, encodeChat, type RenderedChat } from './chat-template.ts';

const path = join(import.meta.dirname, '../../../../fixtures/chat-templates.json');
const fixture = JSON.parse(readFileSync(path, 'utf8')) as {
  readonly templates: readonly { readonly name: string; readonly template: string }[];
};

/** The text with what the template wrote in capitals. */
function shown(source: string, message: ChatMessage, variables = {}): string {
  const template = new ChatTemplate(source, { bos_token: '<s>' });
  const { text, templateSpans } = template.render({ messages: [message], variables });
  let output = '';
  let end = 0;
  for (let index = 0; index < templateSpans.length; index += 2) {
    const [from = 0, to = 0] = templateSpans.slice(index, index + 2);
    output += text.slice(end, from) + text.slice(from, to).toUpperCase();
    end = to;
  }
  return output + text.slice(end);
}

test('what a template writes is told from what it passes on', () => {
  const user: ChatMessage = { role: 'user', content: ' hi there ' };
  expect([
    shown('{{ bos_token }}<|{{ messages[0].role }}|>{{ messages[0].content }}<|end|>', user),
    shown("{{ '<|' + messages[0].role + '|>' + messages[0].content | trim + '<|end|>' }}", user),
    shown("{{ ('  <|a|>' ~ messages[0].content).strip() }}", user),
    shown('{% set x %}<|a|>{{ messages[0].content }}{% endset %}{{ x | trim }}', user),
    shown('{% macro m(c) %}<|a|>{{ c }}<|b|>{% endmacro %}{{ m(messages[0].content) }}', user),
    shown('{% for m in messages %}<|a|>{{ m.content }}{% else %}none{% endfor %}', user),
    shown("{{ ['<|a|>', messages[0].content, 'b'] | join('<|sep|>') }}", user),
    shown("{{ messages[0].content | replace('hi', '<|a|>') }}", user),
    shown("{{ messages[0].content if false else '<|a|>' }}{{ x | default('<|b|>') }}", user),
    shown("{{ 'a' | upper }}{{ messages[0].content | upper }}", user),
    shown('<|{{ messages[0].role }}|>', { role: 'end', content: '' }),
    shown('{{ bos_token }}', user, { bos_token: '<|x|>' }),
    shown("{% for k in {'<|a|>': 1} %}{{ k }}{% endfor %}", user),
    shown('{% filter trim %} <|a|>{{ messages[0].content }}{% endfilter %}', user),
    shown('{{ messages | tojson }}', user),
  ]).toMatchInlineSnapshot(`
    [
      "<S><|USER|> hi there <|END|>",
      "<|USER|>hi there<|END|>",
      "<|A|> hi there",
      "<|A|> hi there",
      "<|A|> hi there <|B|>",
      "<|A|> hi there ",
      "<|A|><|SEP|> hi there <|SEP|>B",
      " <|a|> there ",
      "<|A|><|B|>",
      "A HI THERE ",
      "<|end|>",
      "<|x|>",
      "<|a|>",
      "<|A|> hi there",
      "[{"role": "user", "content": " hi there "}]",
    ]
  `);
});

const tokenizers = jsonVariants
  .map((variant) => ({ name: `${variant.name} of ${variant.model}`, tokenizer: jsonTokenizer(variant) }))
  .filter(({ tokenizer }) => specialTexts(tokenizer).length > 0);

function specialTexts(tokenizer: Tokenizer): readonly string[] {
  return Array.from({ length: tokenizer.vocabSize }, (_, id) => id)
    .filter((id) => tokenizer.isSpecial(id))
    .map((id) => tokenizer.tokenText(id));
}

function specialCount(tokenizer: Tokenizer, ids: Int32Array): number {
  return ids.filter((id) => tokenizer.isSpecial(id)).length;
}

const words = fc.constantFrom('a', ' ', 'hello', '\n', '<', '|', '>', '▁', 'é', '<|', '|>', '</', 's>');

test('there are tokenizers with control tokens', () => expect(tokenizers.length).toBeGreaterThan(3));

test.each(tokenizers)('$name: no control token comes out of a message', ({ tokenizer }) => {
  const specials = specialTexts(tokenizer);
  const [first = '', last = ''] = [specials[0], specials.at(-1)];
  const content = fc.array(fc.oneof(words, fc.constantFrom(...specials)), { maxLength: 12 });
  const template = new ChatTemplate(
    "{% for m in messages %}{{ open ~ m.role ~ '\\n' ~ m.content ~ m.name }}{{ m.content | trim }}" +
      `${JSON.stringify(first).slice(1, -1)}{% endfor %}{{ '${last}' }}`,
  );
  const property = fc.property(content, (parts) => {
    const messages = [{ role: 'user', content: parts.join(''), name: parts.toReversed().join('') }];
    const rendered = template.render({ messages, variables: { open: last } });
    const empty = template.render({
      messages: [{ role: 'user', content: '', name: '' }],
      variables: { open: '' },
    });
    const ids = tokenizer.encode(rendered.text, { addSpecial: false, parseSpecial: rendered.templateSpans });
    const ours = tokenizer.encode(empty.text, { addSpecial: false, parseSpecial: empty.templateSpans });
    expect(specialCount(tokenizer, ids)).toBe(specialCount(tokenizer, ours));
  });
  fc.assert(property, { numRuns: 60 });
});

test.each(tokenizers)('$name: ordinary messages have the ids that they had', ({ tokenizer }) => {
  const specials = specialTexts(tokenizer);
  const content = fc.array(words, { maxLength: 12 }).map((parts) => parts.join(''));
  const free = content.filter(
    (text) => !specials.some((special) => special !== '' && text.includes(special)),
  );
  const templates = [
    ...fixture.templates.map(({ template }) => template),
    `{% for m in messages %}${specials.at(-1) ?? ''}{{ m.content }}{% endfor %}`,
  ];
  const property = fc.property(free, fc.constantFrom(...templates), (text, source) => {
    const template = new ChatTemplate(source, {
      bos_token: specials[0] ?? '',
      eos_token: specials.at(-1) ?? '',
    });
    const rendered: RenderedChat = template.render({ messages: [{ role: 'user', content: text }] });
    const everywhere = { text: rendered.text, templateSpans: [0, rendered.text.length] };
    expect([...encodeChat(tokenizer, rendered)]).toEqual([...encodeChat(tokenizer, everywhere)]);
  });
  fc.assert(property, { numRuns: 60 });
});

test('spans over the whole text read what parseSpecial reads', () => {
  for (const { tokenizer } of tokenizers) {
    const specials = specialTexts(tokenizer);
    const texts = fc.array(fc.oneof(words, fc.constantFrom(...specials)), { maxLength: 12 });
    fc.assert(
      fc.property(texts, (parts) => {
        const text = parts.join('');
        const whole = tokenizer.encode(text, { parseSpecial: [0, text.length] });
        expect([...whole]).toEqual([...tokenizer.encode(text, { parseSpecial: true })]);
        const none = tokenizer.encode(text, { parseSpecial: [] });
        expect([...none]).toEqual([...tokenizer.encode(text)]);
      }),
      { numRuns: 40 },
    );
  }
});
