/** Compares the matcher with RegExp, which is correct but may be slow. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileExpression, compileWildcard } from './text-pattern.ts';

/** Supported expressions over a small alphabet, so that matches are common. */
const expression = fc.letrec<{ node: string; atom: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    tie('atom'),
    fc.tuple(tie('node'), tie('node')).map(([left, right]) => left + right),
    fc.tuple(tie('node'), tie('node')).map(([left, right]) => `(${left}|${right})`),
    fc.tuple(tie('atom'), fc.constantFrom('*', '+', '?', '*?')).map(([atom, sign]) => atom + sign),
    fc.tuple(tie('node'), fc.constantFrom('*', '+', '?')).map(([node, sign]) => `(?:${node})${sign}`),
  ),
  atom: fc
    .constantFrom('a', 'b', 'ab', '.', '\\.', '\\d', '\\w', '[ab]', '[^a]', '[0-3]', '^', '$')
    .filter((atom) => atom.length > 0),
})).node;

const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '0', '7'), maxLength: 12 });

describe('expressions', () => {
  test('match where RegExp matches from the start', () => {
    fc.assert(
      fc.property(expression, text, (source, sample) => {
        // RegExp refuses a repeated anchor only in unicode mode, and otherwise reads "^*" as an empty repeat, as this
        // matcher does.
        const compiled = compileExpression(source);
        fc.pre(compiled !== null && !/[\^$][*+?]/.test(source));
        expect(compiled?.(sample)).toBe(new RegExp(`^(?:${source})`).test(sample));
      }),
      { numRuns: 2000 },
    );
  });

  test('patterns of published files', () => {
    const matches = (source: string, sample: string) => compileExpression(source)?.(sample);
    expect(matches('.*mlp\\.(gate|up|gate_up|down)_proj.*', 'model.layers.0.mlp.gate_proj')).toBe(true);
    expect(matches('.*mlp\\.(gate|up|gate_up|down)_proj.*', 'model.layers.3.mlp.experts.0.gate_proj')).toBe(
      false,
    );
    expect(matches('model\\.layers\\.[0-2]\\..*', 'model.layers.12.self_attn.q_proj')).toBe(false);
    expect(matches('vision_tower', 'language_model.vision_tower')).toBe(false);
  });

  test('unsupported syntax is refused', () => {
    const sources = ['(?!vision).*', '(?<=a)b', 'a{2,3}', '(a', 'a)', '*a', '[a', '(a)\\1', 'a'.repeat(501)];
    expect(sources.map((source) => compileExpression(source))).toEqual(sources.map(() => null));
  });

  test('nested repeats take linear time', () => {
    const hostile = compileExpression('(a+)+$');
    const start = performance.now();
    expect(hostile?.(`${'a'.repeat(20_000)}b`)).toBe(false);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

describe('wildcards', () => {
  test('match where the equivalent expression matches', () => {
    const wildcard = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 8 });
    fc.assert(
      fc.property(wildcard, text, (source, sample) => {
        const expected = new RegExp(`^${source.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(sample);
        expect(compileWildcard(source)?.(sample)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});
