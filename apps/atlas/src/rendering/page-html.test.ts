/** Words of messages as they reach the page. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeHtml } from '../html/escape-html.ts';
import { given } from '../numbers/computed-number.ts';
import { blocksHtml } from './blocks-html.ts';
import { type InlineContext, inlineHtml } from './inline-html.ts';
import { hrefOf, targetHref } from './site-links.ts';

const context: InlineContext = {
  numbers: new Map([['kv', { text: '131,072 bytes', derivation: '2 x 32 x "8" & more' }]]),
  firstUses: new Map([['kv', 'Each token takes {kv}, and {kv} again.']]),
  citationNumbers: new Map([['kwon-2023', 1]]),
  prefix: '',
  referenceLabel: 'Reference {number}',
};

test('marks become elements; numbers and citations lead to the foot of the page', () => {
  const text =
    'A **cache** of *keys* in `bf16` takes {kv} [@kwon-2023]. See [KV cache](glossary.kv-cache) < 3.';
  expect(inlineHtml(text, context)).toMatchInlineSnapshot(
    `"A <strong>cache</strong> of <em>keys</em> in <code>bf16</code> takes <a class="computed" href="#number-kv" title="2 x 32 x &quot;8&quot; &amp; more">131,072 bytes</a> <a class="citation" href="#reference-kwon-2023" aria-label="Reference 1">[1]</a>. See <a href="/docs/glossary/kv-cache/">KV cache</a> &lt; 3."`,
  );
});

test('a number inside a link is text: links do not nest', () => {
  expect(inlineHtml('[{kv}](system.memory)', context)).toBe(
    '<a href="/docs/systems/memory/">131,072 bytes</a>',
  );
});

test('the text that first shows a number is a place to come back to, once', () => {
  const html = inlineHtml('Each token takes {kv}, and {kv} again.', context);
  expect(html.match(/ id="use-kv"/g)).toHaveLength(1);
  expect(html).toMatch(/^Each token takes <a class="computed" href="#number-kv" id="use-kv"/);
  expect(inlineHtml('Then {kv}.', context)).not.toContain(' id=');
});

test('what an example was given needs no explanation, and leads to none', () => {
  const numbers = new Map(Object.entries(given({ users: 1024, share: 0.5 })));
  expect(inlineHtml('{users} users, {share} of them', { ...context, numbers })).toBe(
    '1,024 users, 0.5 of them',
  );
});

test('a number without a computation or a work without a place in the list is a mistake of the page', () => {
  expect(() => inlineHtml('{other}', context)).toThrow('does not compute');
  expect(() => inlineHtml('[@yu-2022]', context)).toThrow('does not list');
});

test('blocks: paragraphs, lists, steps, tables, formulas', () => {
  const html = blocksHtml(
    [
      'One.',
      ['a', 'b'],
      { steps: ['first', 'then'] },
      { table: { caption: 'Who', head: ['Layer', 'Sees'], rows: [['Engine', 'blocks']] } },
      { formula: 'bytes = 2 × layers', where: { layers: 'how many' } },
    ],
    context,
  );
  expect(html).toMatchInlineSnapshot(`
    "<p>One.</p>
    <ul><li>a</li><li>b</li></ul>
    <ol><li>first</li><li>then</li></ol>
    <div class="table" role="region" tabindex="0" aria-label="Who"><table><caption>Who</caption><thead><tr><th scope="col">Layer</th><th scope="col">Sees</th></tr></thead><tbody><tr><th scope="row">Engine</th><td>blocks</td></tr></tbody></table></div>
    <div class="formula"><p>bytes = 2 × layers</p><dl><dt>layers</dt><dd>how many</dd></dl></div>"
  `);
});

test('no text of a message can become an element or leave its attribute', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const escaped = escapeHtml(text);
      expect(escaped).not.toMatch(/[<>"']/);
      expect(escaped.replace(/&(?:amp|lt|gt|quot|#39);/g, '')).not.toContain('&');
    }),
  );
});

test('addresses: folders end in a slash before query and anchor, and begin with the language', () => {
  expect([
    hrefOf('/'),
    hrefOf('/planner?model=a'),
    hrefOf('/docs/systems/memory#bandwidth', '/de'),
    targetHref('model.openai/gpt-oss-20b'),
    targetHref('/planner', '/de'),
    targetHref('https://arxiv.org/abs/2309.06180', '/de'),
    targetHref('#here'),
  ]).toMatchInlineSnapshot(`
    [
      "/",
      "/planner/?model=a",
      "/de/docs/systems/memory/#bandwidth",
      "/docs/models/openai/gpt-oss-20b/",
      "/de/planner/",
      "https://arxiv.org/abs/2309.06180",
      "#here",
    ]
  `);
});
