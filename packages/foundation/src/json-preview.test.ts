import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jsonPreview, wordPreview } from './json-preview.ts';

describe('jsonPreview', () => {
  test.each([
    ['text', '"text"'],
    [Number.NaN, 'NaN'],
    [undefined, 'undefined'],
    [null, 'null'],
    [[1, [2, [3, [4]]]], '[1,[2,[3,...]]]'],
    [{ toString: 1, valueOf: { a: 'b' } }, '{"toString":1,"valueOf":{"a":"b"}}'],
    [Array.from({ length: 12 }, (_, index) => index), '[0,1,2,3,4,5,6,7,8,9,...]'],
  ])('%j', (value, expected) => {
    expect(jsonPreview(value)).toBe(expected);
  });

  test('a value that would overflow the stack of JSON.stringify', () => {
    let deep: unknown = 0;
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    expect(() => JSON.stringify(deep)).toThrow();
    expect(jsonPreview(deep)).toBe('[[[...]]]');
  });

  test('wordPreview leaves out the quotation marks of a text, and cuts it', () => {
    expect(wordPreview('f16')).toBe('f16');
    expect(wordPreview(['f16'])).toBe('["f16"]');
    expect(wordPreview('x'.repeat(100))).toBe(`${'x'.repeat(77)}...`);
  });

  test('any JSON value: at most 80 characters, and JSON itself if it is small', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const text = jsonPreview(value);
        expect(text.length).toBeLessThanOrEqual(80);
        if (!text.includes('...')) expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
