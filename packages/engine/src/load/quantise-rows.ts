/**
 * Quantises f32 rows to the formats that a storage plan may choose for a tensor that is too large in its own format.
 * Q8_0 and Q4_0 follow ggml's rules (https://github.com/ggml-org/ggml, ggml-quants.c).
 */
import { assert } from '@plimsoll/foundation';
import { toBfloat16 } from '@plimsoll/foundation/half-floats';
import type { KernelWeightFormat } from '@plimsoll/kernels';

export function quantiseRows(values: Float32Array, format: KernelWeightFormat): Uint8Array {
  switch (format) {
    case 'f32':
      return new Uint8Array(values.slice().buffer);
    case 'f16':
      return new Uint8Array(Float16Array.from(values).buffer);
    case 'bf16':
      return new Uint8Array(toBfloat16(values).buffer);
    case 'q8_0':
      return inBlocks(values, 34, blockQ8);
    case 'q4_0':
      return inBlocks(values, 18, blockQ4);
    default:
      assert(false, `rows are not quantised to ${format}: it needs a search per block`);
  }
}

function inBlocks(
  values: Float32Array,
  blockBytes: number,
  block: (values: Float32Array, target: DataView) => void,
): Uint8Array {
  assert(values.length % 32 === 0, `${values.length} values are no whole blocks of 32`);
  const output = new Uint8Array((values.length / 32) * blockBytes);
  for (let index = 0; index * 32 < values.length; index++) {
    const target = new DataView(output.buffer, index * blockBytes, blockBytes);
    block(values.subarray(32 * index, 32 * index + 32), target);
  }
  return output;
}

function blockQ8(values: Float32Array, target: DataView): void {
  const largest = values.reduce((left, right) => Math.max(left, Math.abs(right)), 0);
  const scale = Math.fround(largest / 127);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  target.setFloat16(0, scale, true);
  values.forEach((value, index) => {
    const scaled = Math.fround(value * inverse);
    // Halves round away from zero, as in C's roundf.
    target.setInt8(2 + index, Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5));
  });
}

function blockQ4(values: Float32Array, target: DataView): void {
  const most = values.reduce((left, right) => (Math.abs(right) > Math.abs(left) ? right : left), 0);
  const scale = Math.fround(most / -8);
  const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
  target.setFloat16(0, scale, true);
  const quant = (index: number): number => {
    const scaled = Math.fround(Math.fround((values[index] ?? 0) * inverse) + 8.5);
    return Math.min(15, Math.trunc(scaled));
  };
  for (let index = 0; index < 16; index++) {
    target.setUint8(2 + index, quant(index) | (quant(index + 16) << 4));
  }
}
