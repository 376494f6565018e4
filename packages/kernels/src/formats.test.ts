import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatNames } from './conformance/cases-products.ts';
import { activationBytes, repackedBytes, rowBytes, sourceBytes, weightFormats } from './formats.ts';
import { attentionScratchBytes, kvBlockBytes } from './kv-layout.ts';

test('block sizes equal those of the gguf package', async () => {
  const file = new URL('../../../fixtures/gguf/ggml-quant-sizes.json', import.meta.url);
  const { sizes }: { sizes: Record<string, { blockElements: number; blockBytes: number }> } = JSON.parse(
    await readFile(file, 'utf8'),
  );
  for (const format of formatNames) {
    const { blockElements, blockBytes, fields } = weightFormats[format];
    const { [format.toUpperCase()]: expected } = sizes;
    expect({ blockElements, blockBytes }, format).toEqual({
      blockElements: expected?.blockElements,
      blockBytes: expected?.blockBytes,
    });
    expect(
      fields.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      `fields of ${format} cover the block`,
    ).toBe(blockBytes);
  }
});

test('repacking pads rows to eight and adds nothing else', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...formatNames),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 64 }),
      (format, rows, blocks) => {
        const columns = blocks * weightFormats[format].blockElements;
        const padding = repackedBytes(format, rows, columns) - sourceBytes(format, rows, columns);
        expect(padding).toBe(((8 - (rows % 8)) % 8) * rowBytes(format, columns));
      },
    ),
  );
});

test('sizes in a storage plan', () => {
  const bytes = Object.fromEntries(formatNames.map((format) => [format, repackedBytes(format, 4100, 4096)]));
  expect(bytes).toMatchInlineSnapshot(`
    {
      "bf16": 33619968,
      "f16": 33619968,
      "f32": 67239936,
      "q4_0": 9455616,
      "q4_1": 10506240,
      "q4_K": 9455616,
      "q5_0": 11556864,
      "q5_1": 12607488,
      "q5_K": 11556864,
      "q6_K": 13789440,
      "q8_0": 17860608,
    }
  `);
  expect(formatNames.map((format) => activationBytes(format, 1, 4096))).toMatchInlineSnapshot(`
    [
      0,
      0,
      0,
      9216,
      9216,
      9728,
      9728,
      9728,
      9536,
      9536,
      9536,
    ]
  `);
  const shape = { kvHeads: 8, headDim: 128, blockTokens: 16, heads: 32 };
  expect(kvBlockBytes({ ...shape, kvFormat: 'f32' })).toBe(8 * 128 * 16 * 4);
  expect(kvBlockBytes({ ...shape, kvFormat: 'f16' })).toBe(8 * 128 * 16 * 2);
  expect(kvBlockBytes({ ...shape, kvFormat: 'q8_0' })).toBe((8 * 128 * 16 * 34) / 32);
  expect(attentionScratchBytes(shape, 2)).toBe(2 * 4 * (128 * 64 + 32 * (64 + 128 + 4)));
});

test('columns that do not fill blocks are refused', () => {
  expect(() => rowBytes('q4_K', 576)).toThrowErrorMatchingInlineSnapshot(
    `[PlimsollError: q4_K cannot store rows of 576 columns]`,
  );
});
