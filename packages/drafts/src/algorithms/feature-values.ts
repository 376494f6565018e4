/** Elements of a feature as numbers. */
import type { LoadedBatch } from '@plimsoll/dataflow';
import { fromBfloat16, fromFloat16 } from '../targets/half-floats.ts';

/** The features of a batch, by name. */
export type Features = Pick<LoadedBatch, 'tensors'>;
/** A feature of all samples of a batch. */
export type Feature = Features['tensors'][string];

export function fromFeature({ dtype, data }: Feature): Float32Array | Int32Array | Uint8Array {
  // A copy, because the bytes of a file need not begin at a multiple of the element size.
  const { buffer } = data.slice();
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'BF16':
      return fromBfloat16(new Uint16Array(buffer));
    case 'F16':
      return fromFloat16(new Uint16Array(buffer));
    case 'I32':
      return new Int32Array(buffer);
    case 'I64':
      return Int32Array.from(new BigInt64Array(buffer), Number);
    case 'U8':
      return new Uint8Array(buffer);
  }
}
