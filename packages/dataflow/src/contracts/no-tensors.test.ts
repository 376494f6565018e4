import { PlimsollError } from '@plimsoll/foundation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assertNoTensors } from './no-tensors.ts';

function codeOf(value: unknown): string {
  try {
    assertNoTensors(value, 'message');
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
  return 'none';
}

test('any JSON value passes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      expect(codeOf(value)).toBe('none');
    }),
  );
});

test('a tensor is found at any place', () => {
  const tensors = [
    new Float32Array(4),
    new Uint8Array(2),
    Buffer.from('ab'),
    new DataView(new ArrayBuffer(8)),
    new ArrayBuffer(3),
    new SharedArrayBuffer(8),
    new BigInt64Array(1),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...tensors),
      fc.array(fc.constantFrom('list', 'object'), { maxLength: 8 }),
      (tensor, wrappings) => {
        const value = wrappings.reduce<unknown>(
          (inner, kind) => (kind === 'list' ? [1, inner] : { note: 'x', inner }),
          tensor,
        );
        expect(codeOf(value)).toBe('tensor-in-control-plane');
      },
    ),
  );
});

test('everything else that is not plain data is refused', () => {
  const endless: Record<string, unknown> = {};
  endless.self = endless;
  const values = [endless, new Map(), new Date(0), () => 1, Symbol('s'), 1n, Number.NaN, Infinity];
  expect(values.map(codeOf)).toEqual(values.map(() => 'not-control-data'));
});

test('the error names the place', () => {
  expect(() => assertNoTensors({ metadata: { hidden: [new Float32Array(2)] } }, 'failure record')).toThrow(
    'failure record.metadata.hidden[0] holds 8 bytes of tensor data',
  );
});
