import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BlockHasher, hashWords } from './block-hash.ts';

function hex(words: Int32Array): string {
  return Array.from(new Uint8Array(words.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function chainOf(tokens: readonly number[], blockSize: number, extraKey = ''): number[] {
  const hasher = new BlockHasher();
  const chain: number[] = [];
  for (let end = blockSize; end <= tokens.length; end += blockSize) {
    hasher.extend(chain, {
      tokens,
      start: end - blockSize,
      end,
      extraKey: chain.length === 0 ? extraKey : '',
    });
  }
  return chain;
}

test('the compression function is that of BLAKE3: the published hashes of "" and "abc"', () => {
  const message = new Int32Array(16);
  // Flags 11 = chunk start, chunk end, root: the whole of BLAKE3 for up to 64 bytes.
  expect(hex(new BlockHasher().compress({ message, byteCount: 0, flags: 11 }))).toBe(
    'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262',
  );
  message[0] = 0x63_62_61;
  expect(hex(new BlockHasher().compress({ message, byteCount: 3, flags: 11 }))).toBe(
    '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85',
  );
});

test('hashes stay the same from release to release: saved caches depend on them', () => {
  expect(chainOf([1, 2, 3, 4], 2)).toMatchInlineSnapshot(`
    [
      427409595,
      794843423,
      -1955851659,
      -1331057996,
      -1577293663,
      -1492841966,
      -1356530713,
      -1466994674,
    ]
  `);
  expect(chainOf([1, 2], 2, 'adapter')).toMatchInlineSnapshot(`
    [
      737179343,
      -1957735549,
      957581550,
      -518265588,
    ]
  `);
});

test('two chains agree exactly as far as their tokens do', () => {
  const tokens = fc.array(fc.nat({ max: 2 }), { maxLength: 80 });
  fc.assert(
    fc.property(tokens, tokens, fc.constantFrom(1, 3, 16, 20), (left, right, blockSize) => {
      const [one, other] = [chainOf(left, blockSize), chainOf(right, blockSize)];
      for (let block = 0; (block + 1) * hashWords <= Math.min(one.length, other.length); block++) {
        const words = (chain: number[]): string =>
          chain.slice(block * hashWords, (block + 1) * hashWords).join();
        const end = (block + 1) * blockSize;
        expect(words(one) === words(other)).toBe(left.slice(0, end).join() === right.slice(0, end).join());
      }
    }),
  );
});

test('the extra key, the number of tokens and the domain all count', () => {
  const hashes = [
    chainOf([0, 0], 2),
    chainOf([0], 1),
    chainOf([0, 0], 2, 'a'),
    chainOf([0, 0], 2, 'b'),
    chainOf([0, 0], 2, 'a'.repeat(31)),
    chainOf([0, 0], 2, 'a'.repeat(32)),
    [...new BlockHasher().checksum(new Uint8Array(8))],
    [...new BlockHasher().checksum(new Uint8Array(0))],
    [...new BlockHasher().checksum(new Uint8Array(65))],
  ].map((words) => words.join());
  expect(new Set(hashes).size).toBe(hashes.length);
});
