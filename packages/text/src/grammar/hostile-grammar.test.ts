/** Grammars that ask for more time or memory than their size suggests: a typed error, or an answer within the limits. */
import { PlimsollError } from '@plimsoll/foundation';
import { seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { grammarFromGbnf } from './gbnf.ts';
import type { Grammar } from './grammar.ts';
import { GrammarMatcher } from './grammar-matcher.ts';
import { grammarFromJsonSchema } from './json-schema/schema-grammar.ts';
import { TokenTrie } from './token-trie.ts';

/** One token for each byte, pairs of letters, and an end token. */
const letters = 'abcdefghijklmnopqrstuvwxyz';
const pairs = Array.from(letters).flatMap((first) => Array.from(letters, (second) => first + second));
const encoder = new TextEncoder();
const trie = new TokenTrie({
  vocabSize: 257 + pairs.length,
  specialTokens: { endOfGeneration: new Set([256]) },
  tokenBytes: (id) => (id < 256 ? Uint8Array.of(id) : encoder.encode(pairs[id - 257] ?? '')),
  isSpecial: (id) => id === 256,
});

function outcome(act: () => unknown): string {
  try {
    act();
    return 'fine';
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
}

function deep(levels: number): unknown {
  let schema: unknown = { type: 'null' };
  for (let level = 0; level < levels; level++) schema = { type: 'array', items: schema };
  return schema;
}

function properties(count: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, { type: 'null' }]));
}

const many = Array.from({ length: 90_000 }, (_, index) => index);

test('schemas that are too large say so', () => {
  const pattern = (text: string): unknown => ({ type: 'string', pattern: text });
  const schemas = {
    emptyRepeats: pattern(`^a${'('.repeat(40)}${'){2}'.repeat(40)}$`),
    deep: deep(100_000),
    manyConstants: { enum: many },
    manyOptional: { type: 'object', properties: properties(9000) },
    manyRequired: { type: 'object', properties: properties(9000), required: Object.keys(properties(9000)) },
    manyAlternatives: { oneOf: many.slice(0, 5000).map((value) => ({ const: value })) },
    longName: { type: 'object', properties: { ['x'.repeat(1000)]: true }, additionalProperties: true },
    longPattern: pattern(`^${'a'.repeat(20_000)}$`),
    nestedNames: deepNames(200),
    largeCounts: { type: 'array', maxItems: 10_000, items: pattern('^(?:[a-z]{900}){900}$') },
  };
  const seen = Object.entries(schemas).map(([name, schema]) => [
    name,
    outcome(() => new GrammarMatcher(grammarFromJsonSchema(schema), trie)),
  ]);
  expect(Object.fromEntries(seen)).toMatchInlineSnapshot(`
    {
      "deep": "schema-too-large",
      "emptyRepeats": "grammar-too-large",
      "largeCounts": "fine",
      "longName": "schema-invalid",
      "longPattern": "schema-too-large",
      "manyAlternatives": "schema-too-large",
      "manyConstants": "grammar-too-large",
      "manyOptional": "grammar-too-large",
      "manyRequired": "grammar-unsatisfiable",
      "nestedNames": "schema-too-large",
    }
  `);
});

function deepNames(levels: number): unknown {
  let schema: unknown = { type: 'null' };
  for (let level = 0; level < levels; level++) {
    schema = { type: 'object', properties: { ['n'.repeat(400)]: schema } };
  }
  return schema;
}

test('rules that call each other in a long chain take time in proportion to the chain', () => {
  const chain = (length: number, last: string): string =>
    Array.from({ length }, (_, index) => `r${index} ::= r${index + 1} "a"?`).join('\n') +
    `\nr${length} ::= ${last}\n`;
  const source = `root ::= r0\n${chain(20_000, '"b"')}`;
  // Settling one rule in each pass over all of them would be 10^9 steps.
  expect(outcome(() => grammarFromGbnf(source))).toBe('fine');
  expect(outcome(() => grammarFromGbnf(`root ::= r0\n${chain(20_000, 'r0')}`))).toBe(
    'grammar-left-recursion',
  );
  // 2^60 bytes to the nearest end.
  const doubling = Array.from({ length: 60 }, (_, index) => `r${index} ::= r${index + 1} r${index + 1}`).join(
    '\n',
  );
  const matcher = new GrammarMatcher(grammarFromGbnf(`root ::= r0\n${doubling}\nr60 ::= "a"\n`), trie);
  expect(matcher.tokensMin).toBe(2 ** 60 + 1);
});

/** Draws tokens at random until the text ends, the grammar gives up, or the tokens run out. */
function write(grammar: Grammar, tokens: number, seed: number): string {
  const matcher = new GrammarMatcher(grammar, trie);
  const random = seededRandom(seed);
  let state = matcher.start;
  return outcome(() => {
    for (let count = 0; count < tokens; count++) {
      const mask = matcher.mask(state);
      const allowed = Array.from({ length: trie.vocabSize }, (_, id) => id).filter(
        (id) => (((mask[id >>> 5] as number) >>> (id & 31)) & 1) === 1,
      );
      const token = allowed[Math.floor(random() * allowed.length)] ?? 256;
      if (token === 256) return;
      state = matcher.advance(state, token);
    }
  });
}

describe('while text is written', () => {
  test('an ambiguous grammar gives up when its states outgrow the work for a token', () => {
    const pattern = '^(.*[a-m].{900}|.*[b-p].{901}|.*[e-s].{902}|.*[aeiou].{903})$';
    const started = process.memoryUsage().heapUsed;
    expect(write(grammarFromJsonSchema({ type: 'string', pattern }), 2000, 1)).toBe('grammar-too-ambiguous');
    expect(process.memoryUsage().heapUsed - started).toBeLessThan(200 * 2 ** 20);
  });

  test('stacks of calls that differ for every text are forgotten in time', () => {
    const source = 'root ::= "(" (root | other)* ")"\nother ::= [a-z]+ (root "x" | root "y" | root)';
    expect(['fine', 'grammar-too-ambiguous']).toContain(write(grammarFromGbnf(source), 3000, 2));
  });

  test('a usual schema takes a small part of the work', () => {
    const schema = {
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'array' }, c: { enum: many.slice(0, 4000) } },
    };
    for (let seed = 0; seed < 5; seed++) expect(write(grammarFromJsonSchema(schema), 300, seed)).toBe('fine');
  });
});

const fragments = fc.constantFrom(
  ...'abr:=|()[]{}*+?"\\n#,.-^0129 \n',
  'root ::= ',
  '::=',
  '{1,9}',
  '{2000}',
  '[a-z]',
  '\\x41',
  'root',
);

test('GBNF of random fragments: a grammar or a typed error', () => {
  const sources = fc.array(fragments, { maxLength: 40 }).map((parts) => `root ::= ${parts.join('')}`);
  const property = fc.property(sources, (source) => {
    outcome(() => new GrammarMatcher(grammarFromGbnf(source), trie));
  });
  fc.assert(property, { numRuns: 1500 });
});

const keyword = fc.constantFrom(
  ...['type', 'properties', 'required', 'items', 'prefixItems', 'enum', 'const', 'anyOf', 'oneOf', 'allOf'],
  ...[
    'minLength',
    'maxLength',
    'pattern',
    'format',
    'minimum',
    'maxItems',
    '$ref',
    'additionalProperties',
    '__proto__',
  ],
);
const plain = fc.constantFrom<unknown>(
  ...['string', 'object', 'array', 'number', '#', '#/x', '^a*$', 'date', '('],
  ...[0, 3, -1, 1e300, true, false, null, 0.1],
);

test('schemas of random keywords and values: a grammar or a typed error', () => {
  const schemas = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      plain,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(keyword, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  })).value;
  const property = fc.property(schemas, (schema) => {
    outcome(() => new GrammarMatcher(grammarFromJsonSchema(schema), trie));
  });
  fc.assert(property, { numRuns: 3000 });
});
