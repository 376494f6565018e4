/** Conversions between f32 and the two floating-point types of 16 bits. */

/** Rounds to nearest, ties to even, as processors and PyTorch do. Keeps NaN a NaN. */
export function toBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word) => {
    if ((word & 0x7fffffff) > 0x7f800000) return (word >>> 16) | 0x40;
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}

export function fromBfloat16(halves: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

export function fromFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(new Float16Array(halves.buffer, halves.byteOffset, halves.length));
}
