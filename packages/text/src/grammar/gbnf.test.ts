import { PlimsollError } from '@plimsoll/foundation';
import { seededRandom } from '@plimsoll/foundation/random';
import { expect, test } from 'vitest';
import { grammarFromGbnf } from './gbnf.ts';
import { accepts, smallTrie, writeText } from './random-text.test-data.ts';

const trie = smallTrie();

function fits(source: string, texts: readonly string[]): boolean[] {
  const grammar = grammarFromGbnf(source);
  return texts.map((text) => accepts(grammar, trie, text));
}

function failure(source: string): string {
  try {
    grammarFromGbnf(source);
  } catch (error) {
    if (error instanceof PlimsollError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'no failure';
}

const arithmetic = String.raw`
# A comment, and a rule over several lines.
root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num
        | "(" ws expr ")" ws   # a bar may begin a line
ident ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
`;

test('sums, with recursion and comments', () => {
  expect(fits(arithmetic, ['a=1\n', '(a+1)*2=x_1\n', 'a=1', '(a=1\n', '1+(2*(3-4))= 5\nb=2\n', ''])).toEqual([
    ...[true, true, false, false],
    ...[true, false],
  ]);
});

test('counts, classes and escapes', () => {
  expect(fits('root ::= "a"{2} "b"{1,2} "c"{0,}', ['aab', 'aabbcc', 'ab', 'aabbb'])).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(fits('root ::= [^a-c\\]]+ | "\\x41\\u00e9"', ['xyz', 'xa', ']', 'Aé', 'é日'])).toEqual([
    true,
    false,
    false,
    true,
    true,
  ]);
  expect(fits('root ::= ("" | "x")* "end"', ['end', 'xxend', 'x'])).toEqual([true, true, false]);
  expect(fits('root ::= [a-] .', ['--', 'a日', 'b-'])).toEqual([true, true, false]);
});

test('texts that a grammar makes are texts that it accepts, and they end', () => {
  const grammar = grammarFromGbnf(arithmetic);
  const random = seededRandom(3);
  for (let run = 0; run < 30; run++) {
    const { text } = writeText(grammar, trie, random, 5 + run);
    expect(accepts(grammar, trie, text)).toBe(true);
  }
});

test('mistakes are named with their line', () => {
  expect([
    failure('root ::= "a'),
    failure('root ::= ("a"'),
    failure('root ::= missing'),
    failure('start ::= "a"'),
    failure('root ::= "a"\nroot ::= "b"'),
    failure('root = "a"'),
    failure('root ::= "a" )'),
    failure('root ::= list\nlist ::= list "," | "x"'),
    failure('root ::= maybe root | "x"\nmaybe ::= "y"?'),
    failure('root ::= "a"{3,2}'),
    failure('root ::= [z-a]'),
    failure('root ::= "\\q"'),
  ]).toMatchInlineSnapshot(`
    [
      "grammar-syntax: The grammar has an end in line 1; expected is a closing ".",
      "grammar-syntax: The grammar has an end in line 1; expected is ).",
      "grammar-unknown-rule: The grammar uses the rule missing, which it does not define.",
      "grammar-unknown-rule: The grammar has no rule root to begin with.",
      "grammar-syntax: The grammar has a second rule root in line 2; expected is each rule once.",
      "grammar-syntax: The grammar has "= \\"a\\"" in line 1; expected is ::= after root.",
      "grammar-syntax: The grammar has ")" in line 1; expected is the end of the line.",
      "grammar-left-recursion: The rule list can reach itself before any character.",
      "grammar-left-recursion: The rule root can reach itself before any character.",
      "grammar-syntax: The grammar has the count {3,2} in line 1; expected is counts that rise, up to 2000.",
      "grammar-syntax: The grammar has a range that runs backwards in line 1; expected is its lower end first.",
      "grammar-syntax: The grammar has "\\\\q\\"" in line 1; expected is a closing ".",
    ]
  `);
});
