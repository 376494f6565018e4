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

/** Bytes per part of base64: a multiple of three, so that the parts join without padding. */
const partBytes = 3 * 16_384;

/** Writes pieces of bytes as one JSON string of base64; `see` gets each part before it is encoded. */
export function* base64Text(
  pieces: Iterable<Uint8Array>,
  see: (part: Uint8Array) => void = () => undefined,
): Generator<string, void, void> {
  const part = Buffer.alloc(partBytes);
  let held = 0;
  const encoded = (): string => {
    const taken = part.subarray(0, held);
    see(taken);
    held = 0;
    return taken.toString('base64');
  };
  yield '"';
  for (const piece of pieces) {
    for (let start = 0; start < piece.length; ) {
      const some = piece.subarray(start, start + partBytes - held);
      part.set(some, held);
      held += some.length;
      start += some.length;
      if (held === partBytes) yield encoded();
    }
  }
  yield `${encoded()}"`;
}

export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export async function* asyncTexts(texts: Iterable<string>): AsyncGenerator<string, void, void> {
  yield* texts;
}
