/** Tests what the scan of a pasted log finds, and that its work is linear in the length of the text. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lastMatch } from './log-scan.ts';

const form = 'Maximum concurrency for # tokens per request: #x';

function valuesOf(text: string, of: string): readonly number[] | undefined {
  return lastMatch(text, of)?.values;
}

test('the scan finds the last place that has the whole form', () => {
  const line = 'Maximum concurrency for 8,192 tokens per request: 58.11x';
  expect(
    lastMatch(`${line}\r\n${line.replace('58.11', '-2')}\r\nMaximum concurrency for 5 of`, form),
  ).toEqual({
    at: line.length + 2,
    values: [8192, -2],
  });
  expect(lastMatch('', form)).toBeNull();
  expect(lastMatch(line.slice(0, -1), form)).toBeNull();
});

test('a number is read to its end, and a malformed number is none', () => {
  const found = ['1', '1.5', '-.5', '476,016', '0001', '1'.repeat(32)].map((text) =>
    valuesOf(`a ${text} b`, 'a # b'),
  );
  expect(found).toEqual([[1], [1.5], [-0.5], [476_016], [1], [Number('1'.repeat(32))]]);
  for (const text of ['', '-', '.', ',', '1.', '1,', '1.2.3', '--1', '1e5', '0x1', '١', '1'.repeat(33)]) {
    expect([text, valuesOf(`a ${text} b`, 'a # b')]).toEqual([text, undefined]);
  }
});

test('the scan finds the same numbers as a regular expression', () => {
  const pieces = fc.constantFrom('a ', 'a', '1', '-2', '3,4', '5.6', ' b', 'b', '.', '\n', 'a 7 b');
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      const last = [...text.matchAll(/(?=a (-?[\d,]*\.?\d+) b)/g)].at(-1);
      const expected =
        last === undefined ? null : { at: last.index, values: [Number(last[1]?.replaceAll(',', ''))] };
      expect(lastMatch(text, 'a # b')).toEqual(expected);
    }),
  );
});

/** Texts that almost have the form. */
const hostile: Readonly<Record<string, string>> = {
  'one letter': 'M',
  'the beginning, repeated': 'Maximum concurrency for ',
  'a number that is too long': `Maximum concurrency for ${'1'.repeat(40)}`,
  'all but the last letter': 'Maximum concurrency for 1 tokens per request: 2',
  'commas and points': ',,,,....',
  'other words': 'INFO 11-30 02:48:08 [core.py:1] Loading safetensors checkpoint shards\r\n',
};

test.each(Object.entries(hostile))('%s: twice the text takes twice the work', (_, piece) => {
  const stepsOf = (characters: number): number => {
    const work = { steps: 0 };
    expect(lastMatch(piece.repeat(Math.ceil(characters / piece.length)), form, work)).toBeNull();
    return work.steps;
  };
  const [small, large] = [stepsOf(100_000), stepsOf(200_000)];
  expect(large / small).toBeGreaterThan(1.9);
  expect(large / small).toBeLessThan(2.1);
  expect(small).toBeLessThan(100_000 * 6);
});

test('an endless number costs no more than the search for the fixed words', () => {
  const stepsOf = (digits: number): number => {
    const work = { steps: 0 };
    expect(lastMatch(`Maximum concurrency for ${'1'.repeat(digits)}`, form, work)).toBeNull();
    return work.steps;
  };
  expect(stepsOf(200_000) - stepsOf(100_000)).toBe(100_000);
});
