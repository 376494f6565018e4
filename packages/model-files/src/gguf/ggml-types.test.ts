import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ggmlTensorBytes, ggmlTypeNamed, ggmlTypeOfId, ggmlTypes } from './ggml-types.ts';

interface Reference {
  readonly sizes: Readonly<Record<string, { id: number; blockElements: number; blockBytes: number }>>;
}

const fixture = new URL('../../../../fixtures/gguf/ggml-quant-sizes.json', import.meta.url);
const reference = JSON.parse(readFileSync(fixture, 'utf8')) as Reference;

describe('ggml tensor types', () => {
  test('every type of the gguf package has the same id and block size here', () => {
    const ours = ggmlTypes
      .filter((type) => Object.hasOwn(reference.sizes, type.name) && type.name !== 'Q8_1')
      .map(({ name, id, blockElements, blockBytes }) => [name, { id, blockElements, blockBytes }]);
    const { Q8_1, ...theirs } = reference.sizes;
    expect(Object.fromEntries(ours)).toEqual(theirs);
    // The package counts two fp32 scales; ggml's block_q8_1 has two fp16 (static_assert in ggml-common.h).
    expect([Q8_1?.blockBytes, ggmlTypeNamed('Q8_1').blockBytes]).toEqual([40, 36]);
  });

  test('ids and names are unique', () => {
    expect(new Set(ggmlTypes.map((type) => type.id)).size).toBe(ggmlTypes.length);
    expect(new Set(ggmlTypes.map((type) => type.name)).size).toBe(ggmlTypes.length);
  });

  test('the types that the package lacks come from newer ggml and the ik_llama.cpp fork', () => {
    const beyond = ggmlTypes
      .filter((type) => !Object.hasOwn(reference.sizes, type.name))
      .map((type) => type.name);
    expect(beyond.join(' ')).toMatchInlineSnapshot(
      `"Q2_0 Q6_0 IQ1_BN IQ2_BN IQ2_K IQ3_K IQ4_K IQ5_K IQ6_K IQ4_KS IQ2_KS IQ4_KSS Q8_KV IQ5_KS IQ2_KT IQ3_KT IQ4_KT IQ3_KS IQ2_KL IQ1_KT Q4_0_R8 Q5_0_R4 Q8_0_R8 Q2_K_R4 Q3_K_R4 Q4_K_R4 Q5_K_R4 Q6_K_R4 IQ2_XXS_R4 IQ2_XS_R4 IQ3_XXS_R4 IQ1_S_R4 IQ4_NL_R4 IQ3_S_R4 IQ2_S_R4 IQ4_XS_R8 IQ1_M_R4 BF16_R16 Q6_0_R4 IQ2_BN_R4 IQ2_K_R4 IQ3_K_R4 IQ4_K_R4 IQ5_K_R4 IQ4_KS_R4 IQ5_KS_R4 Q8_KV_R8 Q8_K_R8"`,
    );
  });

  test.each([
    ['F32', [3, 4], 48],
    ['BF16', [], 2],
    ['Q4_0', [4096, 4096], 9437184],
    ['Q4_K', [4096, 14336], 33030144],
    ['MXFP4', [32, 2880, 2880], 141004800],
    ['IQ4_KS', [2, 512], 2 * (2 * 136 + 4)],
    ['Q4_K', [0, 256], 0],
  ] as const)('%s %j has %i bytes', (name, shape, bytes) => {
    expect(ggmlTensorBytes(ggmlTypeNamed(name), shape)).toBe(bytes);
  });

  test('bytes add up over rows and over blocks', () => {
    const anyType = fc.constantFrom(...ggmlTypes);
    fc.assert(
      fc.property(
        anyType,
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 9 }),
        (type, rows, blocks) => {
          const row = blocks * type.blockElements;
          const bytes = ggmlTensorBytes(type, [rows, row]);
          expect(bytes).toBe(rows * ggmlTensorBytes(type, [row]));
          expect(bytes - rows * type.rowMetaBytes).toBe(rows * blocks * type.blockBytes);
          expect(ggmlTensorBytes(type, [2, rows, row])).toBe(2 * bytes);
        },
      ),
    );
  });

  test('a row that ends inside a block is refused', () => {
    expect(() => ggmlTensorBytes(ggmlTypeNamed('Q4_K'), [8, 300])).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: a row of 300 elements is not a whole number of Q4_K blocks]`,
    );
  });

  test('a mixture is not a tensor type', () => {
    expect(ggmlTypeNamed('q6_k')).toBe(ggmlTypeOfId(14));
    expect(() => ggmlTypeNamed('Q4_K_M')).toThrowErrorMatchingInlineSnapshot(
      `[PlimsollError: "Q4_K_M" is not a ggml tensor type]`,
    );
  });
});
