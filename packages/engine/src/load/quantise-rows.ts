/**
 * f32 rows to the formats that a storage plan may hold a tensor in when it does not fit in its own: by ggml's rules for
 * Q8_0 and Q4_0 (https://github.com/ggml-org/ggml, ggml-quants.c). And Q4_1 and Q5_1, which have a minimum per block, back
 * to f32.
 */
import { assert } from '@plimsoll/foundation';
import type { WeightFormat } from '@plimsoll/kernels';

export function quantiseRows(values: Float32Array, format: WeightFormat): Uint8Array {
  switch (format) {
    case 'f32':
      return new Uint8Array(values.slice().buffer);
    case 'f16':
      return new Uint8Array(Float16Array.from(values).buffer);
    case 'bf16':
      return toBfloat16(values);
    case 'q8_0':
      return inBlocks(values, 34, blockQ8);
    case 'q4_0':
      return inBlocks(values, 18, blockQ4);
    default:
      assert(false, `rows are not quantised to ${format}: it needs a search per block`);
  }
}

/** The upper halves, rounded to nearest even. */
function toBfloat16(values: Float32Array): Uint8Array {
  const words = new Uint32Array(values.slice().buffer);
  return new Uint8Array(
    Uint16Array.from(words, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16).buffer,
  );
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
    // Halves go away from zero, as in C's roundf.
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

/** Q4_1 and Q5_1 as f32: scale x q + minimum. Null for other types. */
export function dequantiseWithMinimum(type: string, bytes: Uint8Array): Float32Array | null {
  if (type !== 'Q4_1' && type !== 'Q5_1') return null;
  const blockBytes = type === 'Q4_1' ? 20 : 24;
  const quantsAt = type === 'Q4_1' ? 4 : 8;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const output = new Float32Array((bytes.byteLength / blockBytes) * 32);
  output.forEach((_, place) => {
    const [block, index] = [Math.floor(place / 32) * blockBytes, place % 32];
    const packed = view.getUint8(block + quantsAt + (index % 16));
    const nibble = index < 16 ? packed & 15 : packed >> 4;
    const fifth = type === 'Q5_1' ? (view.getUint32(block + 4, true) >>> index) & 1 : 0;
    const scaled = Math.fround(view.getFloat16(block, true) * (nibble + 16 * fifth));
    output[place] = scaled + view.getFloat16(block + 2, true);
  });
  return output;
}
