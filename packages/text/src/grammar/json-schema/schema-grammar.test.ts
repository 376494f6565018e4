import { PlimsollError } from '@plimsoll/foundation';
import { seededRandom } from '@plimsoll/foundation/random';
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

test('a frame puts texts around one or several values', () => {
  const frame = { before: '<call>', after: '</call>', separator: ' ', valuesMax: 2 };
  const grammar = grammarFromJsonSchema({ type: 'integer', minimum: 0 }, { frame });
  const one = '<call>5</call>';
  const accepted = [
    one,
    `${one} ${one}`,
    '5',
    '',
    `${one} `,
    `${one}${one}`,
    `${one} ${one} ${one}`,
    '<call>a</call>',
  ];
  expect(accepted.filter((text) => accepts(grammar, trie, text))).toEqual([one, `${one} ${one}`]);
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
    }).toMatchInlineSnapshot(`
      {
        "integer": "0 1 2 3 10 17 18 -1",
        "integer 2 to 17": "2 3 10 17",
        "integer above -1, below 3": "0 1 2",
        "integer from 1.5": "2 3 10 17 18",
        "number": "0 1 2 3 10 17 18 -1 -0 1.5 1e1",
        "number 1 to 2": "1 2 1.5",
        "number above 1.25, below 10": "2 3 1.5",
      }
    `);
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
    ).toMatchInlineSnapshot(`
      {
        """": false,
        ""\\n\\u0041"": true,
        ""\\ud83d"": false,
        ""a
      "": false,
        ""a"": true,
        ""ab"": true,
        ""abc"": false,
        ""日本"": true,
      }
    `);
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
    }).toMatchInlineSnapshot(`
      {
        "anywhere": {
          ""a"": false,
          ""abc"": true,
          ""b"": true,
        },
        "date": {
          ""2024-02-28"": true,
          ""2024-02-30"": false,
          ""2024-04-31"": false,
          ""2024-12-31"": true,
          ""2024-13-01"": false,
        },
        "either": {
          ""ax"": true,
          ""x"": false,
          ""xb"": true,
        },
        "quotes": {
          """"": false,
          ""\\""": true,
          ""\\\\"": true,
          ""a"": false,
        },
        "whole": {
          ""a1"": false,
          ""a12"": true,
          ""d12"": false,
          ""xa12"": false,
        },
      }
    `);
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
    }).toMatchInlineSnapshot(`
      {
        "closed": {
          "{"a":null,"b":null}": true,
          "{"b":null,"":1}": false,
          "{"b":null,"a":null}": false,
          "{"b":null,"ab":1}": false,
          "{"b":null,"abc":1}": false,
          "{"b":null,"c":1}": false,
          "{"b":null,}": false,
          "{"b":null}": true,
          "{,"b":null}": false,
          "{}": false,
        },
        "open": {
          "{"a":null,"b":null}": true,
          "{"b":null,"":1}": true,
          "{"b":null,"a":null}": false,
          "{"b":null,"ab":1}": false,
          "{"b":null,"abc":1}": true,
          "{"b":null,"c":1}": true,
          "{"b":null,}": false,
          "{"b":null}": true,
          "{,"b":null}": false,
          "{}": false,
        },
      }
    `);
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
  expect(schemas.map(failure)).toMatchInlineSnapshot(`
    [
      "schema-unsupported: The schema at # uses not, which constrained output does not support.",
      "schema-unsupported: The schema at # uses uniqueItems, which constrained output does not support.",
      "schema-unsupported: The schema at # uses patternProperties, which constrained output does not support.",
      "schema-unsupported: The schema at # uses multipleOf, which constrained output does not support.",
      "schema-unsupported: The schema at # uses format "email", which constrained output does not support.",
      "schema-unsupported: The pattern a(?=b) has (?= at character 3, which constrained output does not support.",
      "schema-unsupported: The pattern \\bword has \\b at character 2, which constrained output does not support.",
      "schema-unsupported: The pattern (^a) has an anchor inside a group at character 1, which constrained output does not support.",
      "schema-unsupported: The schema at # uses pattern together with a length, which constrained output does not support.",
      "schema-unsupported: The schema at # uses oneOf whose alternatives 0 and 1 may both fit, which constrained output does not support.",
      "schema-unsupported: The schema at # uses anyOf together with properties, which constrained output does not support.",
      "schema-unsupported: The schema at # uses allOf with more than one schema, which constrained output does not support.",
      "schema-invalid: The schema at # has $ref: "#/$defs/none"; it must be a place that exists in this document.",
      "schema-invalid: The schema at # has $ref: "other.json"; it must be a place in this document: # or #/$defs/name.",
      "grammar-left-recursion: The rule # can reach itself before any character.",
      "schema-invalid: The schema at # has type: "text"; it must be one of object, array, string, number, integer, boolean, null, or a list of them.",
      "schema-invalid: The schema at # has enum: []; it must be a list with at least one entry.",
      "schema-unsatisfiable: Nothing fits the schema at #: the lower bound is above the upper one.",
      "schema-unsatisfiable: Nothing fits the schema at #: minLength 3 is above maxLength 2.",
      "schema-invalid: The schema at # has a bound: 0.1234567890123456; it must be a number of at most 15 digits.",
      "schema-unsatisfiable: Nothing fits the schema at #: "a" is required, but additionalProperties is false.",
      "schema-invalid: The schema at # has minLength: 1000000; it must be at most 10000.",
      "schema-unsatisfiable: Nothing fits the schema at #: it is false.",
      "schema-invalid: The schema at # has itself: "text"; it must be an object, true or false.",
      "grammar-unsatisfiable: No text fits the grammar: it never ends, or needs bytes that the tokenizer does not have.",
    ]
  `);
});
