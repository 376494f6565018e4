/** Runs `plimsoll explain` as users do, and renders pages for the terminal. */
import { describe, expect, test } from 'vitest';
import { outputSchemas } from './json-schemas.ts';
import { type Outcome, plimsoll } from './program.test-data.ts';
import { renderExplanation } from './render/explanation-text.ts';
import { wrapText } from './render/terminal.ts';

function explain(...args: readonly string[]): Outcome {
  return plimsoll(['explain', ...args]);
}

describe('the command', () => {
  test('prints the best page: title, summary in lines, link, other pages', () => {
    const { code, out, err } = explain('kv', 'cache', 'growth');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [title, blank, ...rest] = out.split('\n');
    expect([title, blank]).toEqual(['Memory', '']);
    expect(rest[0]?.length).toBeGreaterThan(40);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(out).toContain('Read on: http://localhost:4680/docs/systems/memory\n');
    expect(out).toMatch(/See also:\n(?: {2}.+ http:\/\/localhost:4680\/docs\/[a-z0-9/-]+\n){5}$/);
    // The build of the index computes the numbers; a name in braces would be a number that it missed.
    expect(out).not.toMatch(/[{}]|\[@|\]\(/);
  });

  test('finds models and hardware', () => {
    expect(explain('h100').out).toMatch(/^NVIDIA H100 SXM 80GB\n[\s\S]*79\.19 GiB/);
    expect(explain('llama-3.1-8b').out).toMatch(/^meta-llama\/Llama-3\.1-8B\n[\s\S]*8\.03 billion/);
  });

  test('--json prints the query and its results, best first, according to the schema', () => {
    const answer = outputSchemas.explain.parse(JSON.parse(explain('memory', 'bandwidth', '--json').out));
    expect(answer.query).toBe('memory bandwidth');
    expect(answer.results.slice(0, 2)).toMatchObject([
      { id: 'system.memory', route: '/docs/systems/memory', title: 'Memory' },
      { id: 'glossary.memory-bandwidth', route: '/docs/glossary/memory-bandwidth' },
    ]);
    expect(JSON.parse(plimsoll(['schema', 'explain']).out).properties).toHaveProperty('results');
  });

  test('without results: exit code 1 and the nearest words', () => {
    const { code, out, err } = explain('fraagmmenttionn', '--json');
    expect(code).toBe(1);
    expect(err).toContain('the atlas has nothing about "fraagmmenttionn"');
    expect(err).toContain('  try: one of the nearest words: fragmentation');
    expect(outputSchemas.error.parse(JSON.parse(out)).error.code).toBe('nothing-found');
  });

  test('without words: an error that asks for words', () => {
    expect(explain()).toMatchObject({ code: 1, out: '' });
    expect(explain('').code).toBe(1);
  });
});

describe('in the terminal', () => {
  test('a page has a summary, facts and links', () => {
    const text = renderExplanation({
      title: 'KV cache',
      summary: [
        'The notes a model keeps on every token it has read, so that they are calculated once and not once per new token.',
      ],
      facts: [
        'One token of Llama 3.1 8B takes 131,072 bytes.',
        'A conversation of 8,192 tokens holds 1.00 GiB, and 64 of them fill what an H100 has left beside the weights.',
      ],
      link: 'http://localhost:4680/docs/glossary/kv-cache',
      others: [{ title: 'Memory', link: 'http://localhost:4680/docs/systems/memory' }],
    });
    expect(text).toMatchInlineSnapshot(`
      "KV cache

      The notes a model keeps on every token it has read, so that they are calculated once and
      not once per new token.

        - One token of Llama 3.1 8B takes 131,072 bytes.
        - A conversation of 8,192 tokens holds 1.00 GiB, and 64 of them fill what an H100 has
          left beside the weights.

      Read on: http://localhost:4680/docs/glossary/kv-cache
               (served by \`npm start\`)

      See also:
        Memory  http://localhost:4680/docs/systems/memory"
    `);
  });

  test('a word longer than a line gets its own line, and an empty paragraph gives no text', () => {
    expect(wrapText('a bb cccccccccc dd', { width: 6, first: '- ', rest: '  ' })).toBe(
      '- a bb\n  cccccccccc\n  dd',
    );
    expect(wrapText('  ', { width: 6 })).toBe('');
  });
});
