import { PlimsollError, seededRandom } from '@plimsoll/foundation';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromJSONSchema } from 'zod';
import { GrammarMatcher } from '../grammar-matcher.ts';
import { accepts, smallTrie, writeText } from '../random-text.test-data.ts';
import { randomSchema } from './random-schema.test-data.ts';
import { grammarFromJsonSchema } from './schema-grammar.ts';

const trie = smallTrie();

function fits(schema: unknown, texts: readonly string[]): Record<string, boolean> {
  const grammar = grammarFromJsonSchema(schema, { whitespace: 'none' });
  return Object.fromEntries(texts.map((text) => [text, accepts(grammar, trie, text)]));
}

function failure(schema: unknown): string {
  try {
    new GrammarMatcher(grammarFromJsonSchema(schema), trie);
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no failure';
}

test('whatever a model without any opinion writes is JSON, fits the schema, and ends in time', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom('none', 'single', 'flexible'), (seed, whitespace) => {
      const random = seededRandom(seed);
      const schema = randomSchema(random);
      const grammar = grammarFromJsonSchema(schema, { whitespace });
      const { tokensMin } = new GrammarMatcher(grammar, trie);
      const checker = fromJSONSchema(schema);
      for (const room of [0, 5, 60]) {
        const { text, tokens } = writeText(grammar, trie, random, tokensMin + room);
        expect(tokens).toBeLessThanOrEqual(tokensMin + room);
        const checked = checker.safeParse(JSON.parse(text));
        expect({ text, schema: JSON.stringify(schema), issues: checked.error?.issues }).toMatchObject({
          issues: undefined,
        });
      }
    }),
    { numRuns: 150 },
  );
});

describe('what is accepted', () => {
  test('numbers between bounds', () => {
    const texts = ['-1', '-0', '0', '1', '2', '3', '10', '17', '18', '1.5', '02', '1e1'];
    const accepted = (schema: object): string =>
      Object.entries(fits(schema, texts))
        .filter(([, yes]) => yes)
        .map(([text]) => text)
        .join(' ');
    expect({
      integer: accepted({ type: 'integer' }),
      'integer 2 to 17': accepted({ type: 'integer', minimum: 2, maximum: 17 }),
      'integer above -1, below 3': accepted({ type: 'integer', exclusiveMinimum: -1, exclusiveMaximum: 3 }),
      'integer from 1.5': accepted({ type: 'integer', minimum: 1.5 }),
      number: accepted({ type: 'number' }),
      'number 1 to 2': accepted({ type: 'number', minimum: 1, maximum: 2 }),
      'number above 1.25, below 10': accepted({
        type: 'number',
        exclusiveMinimum: 1.25,
        exclusiveMaximum: 10,
      }),
    }).toMatchInlineSnapshot();
  });

  test('every integer range, by trying', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -1200, max: 1200 }),
        fc.integer({ min: 0, max: 1500 }),
        (minimum, width) => {
          const grammar = grammarFromJsonSchema({ type: 'integer', minimum, maximum: minimum + width });
          for (const value of [
            minimum - 1,
            minimum,
            minimum + 1,
            minimum + width - 1,
            minimum + width,
            minimum + width + 1,
          ]) {
            expect([value, accepts(grammar, trie, String(value))]).toEqual([
              value,
              value >= minimum && value <= minimum + width,
            ]);
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('strings: lengths count characters, escapes count as the character they mean', () => {
    expect(
      fits({ type: 'string', minLength: 1, maxLength: 2 }, [
        '""',
        '"a"',
        '"ab"',
        '"abc"',
        '"\\n\\u0041"',
        '"日本"',
        '"\\ud83d"',
        '"a\n"',
      ]),
    ).toMatchInlineSnapshot();
  });

  test('patterns', () => {
    expect({
      whole: fits({ pattern: '^[a-c]+\\d{2}$', type: 'string' }, ['"a12"', '"a1"', '"d12"', '"xa12"']),
      anywhere: fits({ pattern: 'b', type: 'string' }, ['"b"', '"abc"', '"a"']),
      quotes: fits({ pattern: '^["\\\\]$', type: 'string' }, ['"\\""', '"\\\\"', '"""', '"a"']),
      either: fits({ pattern: '^a|b$', type: 'string' }, ['"ax"', '"xb"', '"x"']),
      date: fits({ format: 'date', type: 'string' }, [
        '"2024-02-28"',
        '"2024-02-30"',
        '"2024-04-31"',
        '"2024-12-31"',
        '"2024-13-01"',
      ]),
    }).toMatchInlineSnapshot();
  });

  test('objects keep the order of the schema and put other names last', () => {
    const properties = { a: { type: 'null' }, b: { type: 'null' }, ab: { type: 'null' } };
    const texts = [
      '{}',
      '{"b":null}',
      '{"a":null,"b":null}',
      '{"b":null,"a":null}',
      '{"b":null,"c":1}',
      '{"b":null,"ab":1}',
      '{"b":null,"abc":1}',
      '{"b":null,"":1}',
      '{"b":null,}',
      '{,"b":null}',
    ];
    expect({
      closed: fits({ type: 'object', properties, required: ['b'] }, texts),
      open: fits(
        { type: 'object', properties, required: ['b'], additionalProperties: { type: 'integer' } },
        texts,
      ),
    }).toMatchInlineSnapshot();
  });

  test('white space', () => {
    const texts = ['{"a":[1,2]}', '{"a": [1, 2]}', '{\n  "a": [1,\n2]\n}', '{"a":  [1,2]}', ' {"a":[1,2]}'];
    const schema = { type: 'object' };
    expect(
      (['none', 'single', 'flexible'] as const).map((whitespace) => {
        const grammar = grammarFromJsonSchema(schema, { whitespace });
        return texts.map((text) => accepts(grammar, trie, text));
      }),
    ).toEqual([
      [true, false, false, false, false],
      [true, true, false, false, false],
      [true, true, true, false, false],
    ]);
  });

  test('deep recursion ends before the limit of levels', () => {
    const schema = {
      $ref: '#/$defs/list',
      $defs: { list: { type: 'array', items: { $ref: '#/$defs/list' }, maxItems: 2 } },
    };
    const matcher = new GrammarMatcher(grammarFromJsonSchema(schema), trie);
    const open = 2 + '['.charCodeAt(0);
    let state = matcher.start;
    let depth = 0;
    while ((((matcher.mask(state)[open >>> 5] ?? 0) >>> (open & 31)) & 1) === 1) {
      state = matcher.advance(state, open);
      depth++;
    }
    expect(depth).toBeGreaterThan(100);
    expect(depth).toBeLessThan(1001);
    const close = 2 + ']'.charCodeAt(0);
    while (!state.accepting) state = matcher.advance(state, close);
    expect(matcher.isComplete(state)).toBe(true);
  });
});

test('what cannot be kept is refused by name', () => {
  const node = { type: 'object', properties: { next: { $ref: '#' } }, required: ['next'] };
  const schemas: unknown[] = [
    { type: 'string', not: { const: 'a' } },
    { type: 'array', uniqueItems: true },
    { type: 'object', patternProperties: {} },
    { type: 'integer', multipleOf: 3 },
    { type: 'string', format: 'email' },
    { type: 'string', pattern: 'a(?=b)' },
    { type: 'string', pattern: '\\bword' },
    { type: 'string', pattern: '(^a)' },
    { type: 'string', pattern: 'a', maxLength: 3 },
    { oneOf: [{ type: 'number' }, { type: 'integer' }] },
    { anyOf: [{ type: 'string' }], properties: {} },
    { allOf: [{ type: 'string' }, { minLength: 1 }] },
    { $ref: '#/$defs/none' },
    { $ref: 'other.json' },
    { $ref: '#' },
    { type: 'text' },
    { enum: [] },
    { type: 'integer', minimum: 3, maximum: 2 },
    { type: 'string', minLength: 3, maxLength: 2 },
    { type: 'number', minimum: 0.1234567890123456 },
    { type: 'object', required: ['a'], additionalProperties: false },
    { type: 'string', minLength: 1e6 },
    false,
    'text',
    node,
  ];
  expect(schemas.map(failure)).toMatchInlineSnapshot();
});
