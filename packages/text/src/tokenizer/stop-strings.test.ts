import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StopStrings } from './stop-strings.ts';

/** Reads all chunks; what the caller would have shown, and the stop string. */
function read(stops: readonly string[], chunks: readonly string[]): { shown: string; stop: string | null } {
  const matcher = new StopStrings(stops);
  let shown = '';
  for (const chunk of chunks) {
    const { text, stop } = matcher.push(chunk);
    shown += text;
    if (stop !== null) return { shown, stop };
  }
  return { shown: shown + matcher.end(), stop: null };
}

/** The same by looking at every prefix of the text. */
function readNaively(stops: readonly string[], text: string): { shown: string; stop: string | null } {
  for (let end = 1; end <= text.length; end++) {
    const found = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    const longest = found.toSorted((a, b) => b.length - a.length)[0];
    if (longest !== undefined) return { shown: text.slice(0, end - longest.length), stop: longest };
  }
  return { shown: text, stop: null };
}

test('where the text is cut into chunks changes nothing', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '😀'), maxLength: 12 });
  const stop = fc.string({ unit: fc.constantFrom('a', 'b', '😀'), minLength: 1, maxLength: 4 });
  const property = fc.property(
    fc.array(stop, { maxLength: 4 }),
    fc.array(letters, { maxLength: 6 }),
    (stops, chunks) => {
      expect(read(stops, chunks)).toEqual(readNaively(stops, chunks.join('')));
    },
  );
  fc.assert(property, { numRuns: 2000 });
});

test('holds back only what could still become a stop string', () => {
  const matcher = new StopStrings(['\nUser:', '</answer>']);
  expect(
    ['Hello', '\n', 'Us', 'age', ' <', '/ans', '!', '\nUser', ':'].map((text) => matcher.push(text)),
  ).toMatchInlineSnapshot(`
    [
      {
        "stop": null,
        "text": "Hello",
      },
      {
        "stop": null,
        "text": "",
      },
      {
        "stop": null,
        "text": "",
      },
      {
        "stop": null,
        "text": "
    Usage",
      },
      {
        "stop": null,
        "text": " ",
      },
      {
        "stop": null,
        "text": "",
      },
      {
        "stop": null,
        "text": "</ans!",
      },
      {
        "stop": null,
        "text": "",
      },
      {
        "stop": "
    User:",
        "text": "",
      },
    ]
  `);
});

test('a stop string is not empty, and all together are not endless', () => {
  expect(() => new StopStrings([''])).toThrow('a stop string is empty');
  expect(() => new StopStrings(['x'.repeat(70_000)])).toThrow('too long together');
});
