import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compilePattern, linearPattern } from './pattern.ts';
import { mayBeEmpty } from './pattern-program.ts';
import { javaScriptSource } from './pattern-source.ts';
import { type PatternNode, readPatternTree } from './pattern-tree.ts';

function refuse(what: string): Error {
  return new PlimsollError({ code: 'tokenizer-pattern', message: what });
}

function nativeRanges(tree: PatternNode, text: string, flags: string): readonly (readonly number[])[] {
  const expression = new RegExp(javaScriptSource(tree), flags);
  return Array.from(text.matchAll(expression), ({ 0: match, index }) => [index, index + match.length]);
}

function linearRanges(tree: PatternNode, text: string): readonly (readonly number[])[] {
  return Array.from(linearPattern(tree, refuse).ranges(text), ({ start, end }) => [start, end]);
}

/** JavaScript alone turns down an optional repetition that matched nothing; Oniguruma keeps it, and so does this matcher. */
function repeatsNothing(node: PatternNode): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'sequence':
      return node.parts.some(repeatsNothing);
    case 'choice':
      return node.options.some(repeatsNothing);
    case 'repeat':
      return (node.most > node.least && mayBeEmpty(node.body)) || repeatsNothing(node.body);
    default:
      return repeatsNothing(node.body);
  }
}

const atoms = fc.constantFrom(
  'a',
  'b',
  '[ab]',
  '[^a]',
  '\\p{L}',
  '\\s',
  '.',
  '😀',
  '^',
  '$',
  '\\b',
  '(?<=a)',
  '(?<!b|ab)',
);
const quantifiers = fc.constantFrom(
  '',
  '',
  '*',
  '+',
  '?',
  '*?',
  '+?',
  '??',
  '*+',
  '++',
  '?+',
  '{2}',
  '{1,3}',
  '{0,2}?',
);
/** `(?:` and others around a pattern, `|` between two, a quantifier after it. */
const patterns = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.tuple(atoms, quantifiers).map((parts) => parts.join('')),
    fc.array(tie('pattern'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
    fc.tuple(tie('pattern'), tie('pattern')).map(([left, right]) => `(?:${left}|${right})`),
    fc
      .tuple(fc.constantFrom('(', '(?>', '(?=', '(?!'), tie('pattern'), quantifiers)
      .map(([open, body, sign]) => `${open}${body})${sign}`),
  ),
})).pattern;
const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'A', ' ', '\n', '😀', 'c'), maxLength: 12 });

test('finds what the engine of JavaScript finds', () => {
  let compared = 0;
  const property = fc.property(patterns, texts, fc.boolean(), (pattern, text, ignoresCase) => {
    const tree = readPatternTree(pattern);
    fc.pre(!repeatsNothing(tree));
    // V8 finds empty matches between the halves of a surrogate pair.
    fc.pre(!(mayBeEmpty(tree) && text.includes('😀')));
    try {
      const found = linearRanges(ignoresCase ? { kind: 'ignoreCase', body: tree } : tree, text);
      expect(found).toEqual(nativeRanges(tree, text, ignoresCase ? 'giv' : 'gv'));
      compared++;
    } catch (error) {
      // JavaScript has no quantified lookbehinds, and this matcher no empty repetitions.
      const isRefusal = error instanceof SyntaxError || error instanceof PlimsollError;
      if (!isRefusal) throw error;
    }
  });
  fc.assert(property, { numRuns: 4000 });
  expect(compared).toBeGreaterThan(1500);
});

/** Each takes a backtracking engine exponential or at least quadratic time on a run of one letter. */
const slowPatterns = [
  '(a|aa)+$',
  '(a+)+b',
  '(?:a|a)*c',
  '(?=(?:a|aa)*b)a',
  '(?>(?:a|aa)+)c|a',
  'a*a*a*a*b',
  '(?:a{1,9}){1,9}b',
  'a+b|a',
];

test.each(slowPatterns)('%s takes time in proportion to the text', (pattern) => {
  const compiled = linearPattern(readPatternTree(pattern), refuse);
  const start = performance.now();
  expect(compiled.pieces(`${'a'.repeat(50_000)}!`).length).toBeLessThanOrEqual(50_000);
  // A quadratic matcher takes 2.5 x 10^9 steps, and the machine may be busy.
  expect(performance.now() - start).toBeLessThan(20_000);
});

function code(pattern: string): string {
  try {
    compilePattern(pattern);
    return 'compiles';
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message.slice(0, 120)}`;
    throw error;
  }
}

test('what cannot be made linear, and what is too large, is refused by name', () => {
  expect([
    code('(?:a*)*b'),
    code('(?<=a+)b'),
    code('(?:(?:a{1000}){1000}){1000}'),
    code(`${'(?:'.repeat(30)}${'){1000}'.repeat(30)}`),
    code('a{1,100000}'),
    code(`a${'?'.repeat(5000)}`),
    code(`${'('.repeat(5000)}`),
    code('(?<=(?:a|b|c)(?:d|e))x'),
    code('(a|aa)+$'),
    code('(?:a+)+b'),
    code('(?:\\s*\\w*,?)+x'),
    code('(?:\\s*\\w+,?\\s*)+x'),
    code('(?:[a-c]|[c-e])+'),
    code('(?:[a-c]|[c-e])+!'),
    code('(?:[a-c]+|[d-e]+ )+'),
    code('a*a*a*b'),
    code('(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+'),
    code('(?:(?:[a-z]+) ?)+'),
    code('(?:ab|a|b)+'),
  ]).toMatchInlineSnapshot(`
    [
      "tokenizer-pattern: tokenizer: the pattern (?:a*)*b uses a repetition without a bound of something that may be empty near character 8, which",
      "tokenizer-pattern: tokenizer: the pattern (?<=a+)b uses a lookbehind that is more than a list of texts near character 8, which Plimsoll doe",
      "tokenizer-pattern: tokenizer: the pattern (?:(?:a{1000}){1000}){1000} uses more than 4096 instructions when its counts are written out, nea",
      "tokenizer-pattern: tokenizer: the pattern (?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:(?:){1000}",
      "tokenizer-pattern: tokenizer: the pattern a{1,100000} uses a count above 1000 near character 11, which Plimsoll does not support",
      "tokenizer-pattern: tokenizer: the pattern a????????????????????????????????????????????????????????????????????????????????????????????????",
      "tokenizer-pattern: tokenizer: the pattern (((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((",
      "tokenizer-pattern: tokenizer: the pattern (?<=(?:a|b|c)(?:d|e))x uses a lookbehind that is more than a list of texts near character 22, whi",
      "tokenizer-pattern: tokenizer: the pattern (a|aa)+$ uses a repetition that reads one text in exponentially many ways near character 8, which",
      "tokenizer-pattern: tokenizer: the pattern (?:a+)+b uses a repetition that reads one text in exponentially many ways near character 8, which",
      "tokenizer-pattern: tokenizer: the pattern (?:\\s*\\w*,?)+x uses a repetition without a bound of something that may be empty near character 14",
      "tokenizer-pattern: tokenizer: the pattern (?:\\s*\\w+,?\\s*)+x uses a repetition that reads one text in exponentially many ways near character",
      "compiles",
      "tokenizer-pattern: tokenizer: the pattern (?:[a-c]|[c-e])+! uses a repetition that reads one text in exponentially many ways near character",
      "compiles",
      "compiles",
      "compiles",
      "compiles",
      "compiles",
    ]
  `);
});

test('the matcher stays inside its memory when every place keeps a choice open', () => {
  const compiled = compilePattern('(?:a|b)+$');
  const text = `${'ab'.repeat(2_500_000)}!`;
  expect(() => compiled.pieces(text)).toThrow(PlimsollError);
});

test('patterns of random characters compile or are refused', () => {
  const unit = fc.constantFrom(...'ab()[]{}|*+?\\^$.,-:=!<>pPLdswbAzZx0123&i');
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 40 }), texts, (pattern, text) => {
      try {
        compilePattern(pattern).pieces(text);
      } catch (error) {
        if (!(error instanceof PlimsollError)) throw error;
      }
    }),
    { numRuns: 4000 },
  );
});
