/** Which bytes of a file a Range header asks for (RFC 9110, section 14). */

/** Positions of the first and the last byte, both included, as the header counts them. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** `first-last`, `first-` or `-length`. */
const rangeSpec = /^(?:(\d+)-(\d*)|-(\d+))$/;

/**
 * The range within a file of `size` bytes; 'unsatisfiable' if the range begins after the end of the file. Null if the whole
 * file is the answer: for other units, malformed headers, and several ranges, which a server may ignore.
 */
export function parseByteRange(header: string, size: number): ByteRange | 'unsatisfiable' | null {
  const [unit = '', ...rest] = header.split('=');
  if (unit.trim().toLowerCase() !== 'bytes' || rest.length !== 1) return null;
  // The grammar of lists allows empty members.
  const members = (rest[0] ?? '').split(',').map((member) => member.trim());
  const [spec, ...others] = members.filter((member) => member !== '');
  if (spec === undefined || others.length > 0) return null;
  const match = rangeSpec.exec(spec);
  if (match === null) return null;
  const [, firstText, lastText, suffixText] = match;
  if (suffixText !== undefined) {
    const length = Math.min(Number(suffixText), size);
    return length === 0 ? 'unsatisfiable' : { first: size - length, last: size - 1 };
  }
  const first = Number(firstText);
  const last = lastText === '' ? Number.POSITIVE_INFINITY : Number(lastText);
  if (last < first) return null;
  return first >= size ? 'unsatisfiable' : { first, last: Math.min(last, size - 1) };
}
