/** Converts vectors (norms, biases) from the element types of files to the f32 rows that the kernels read. */
import { assert, PlimsollError } from '@plimsoll/foundation';
import { notFinite } from './not-finite.ts';

const elementBytes: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Widens a vector to f32. Throws for other element types, and for values that are not finite. */
export function writePlain(
  target: Float32Array,
  bytes: Uint8Array,
  { name, type }: { readonly name: string; readonly type: string },
): void {
  const size = elementBytes[type];
  if (size === undefined) {
    throw new PlimsollError({
      code: 'unsupported-tensor-type',
      message: `vector ${name} is stored as ${type}`,
      value: type,
      limit: Object.keys(elementBytes).join(', '),
      hint: 'convert the model again; norms and biases belong in F32',
    });
  }
  assert(bytes.byteLength === size * target.length, `${name} has ${bytes.byteLength} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const widened = new DataView(new ArrayBuffer(4));
  let bad = 0;
  for (let index = 0; index < target.length; index++) {
    let value: number;
    if (type === 'F32') value = view.getFloat32(4 * index, true);
    else if (type === 'F16') value = view.getFloat16(2 * index, true);
    else {
      // bf16 is the upper half of an f32.
      widened.setUint32(0, view.getUint16(2 * index, true) * 65_536, true);
      value = widened.getFloat32(0, true);
    }
    if (!Number.isFinite(value)) bad++;
    target[index] = value;
  }
  if (bad > 0) throw notFinite(name, bad);
}
