/** JSON answers that are too large for one text: written in parts while the socket takes them. */

/** Numbers per part of the text. */
const partNumbers = 4096;

/** Writes an array of numbers. Every f32 value reads back as the same f32 value. */
export function* jsonNumbers(values: Float32Array): Generator<string, void, void> {
  yield '[';
  for (let start = 0; start < values.length; start += partNumbers) {
    yield (start === 0 ? '' : ',') + values.subarray(start, start + partNumbers).join(',');
  }
  yield ']';
}

/** A multiple of 12 bytes: whole floats, whole int64 pairs, and base64 without padding between parts. */
const partBytes = 12 * 4096;

/** Writes bytes as a JSON string of base64. */
export function* jsonBase64(bytes: Uint8Array): Generator<string, void, void> {
  yield '"';
  for (let start = 0; start < bytes.length; start += partBytes) {
    const part = bytes.subarray(start, start + partBytes);
    yield Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('base64');
  }
  yield '"';
}

export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export async function* asyncTexts(texts: Iterable<string>): AsyncGenerator<string, void, void> {
  yield* texts;
}
