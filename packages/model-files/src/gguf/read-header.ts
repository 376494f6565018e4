/** Drives the header parser over a ByteSource: chunks start small and double, and no byte is read twice. */
import { KiB, MiB } from '@plimsoll/foundation';
import type { ByteSource } from '../byte-source.ts';
import { ByteCursor } from './byte-cursor.ts';
import type { GgufHeader } from './header.ts';
import { parseGgufHeader } from './header-parser.ts';
import { type GgufLimits, ggufLimits } from './limits.ts';
import type { MetadataRules } from './metadata-parser.ts';

/** A header without a vocabulary takes one request of this size, a header with a vocabulary takes a few. */
const chunkBytesFirst = 256 * KiB;
/** Bounds the bytes read after the end of a header, and the bytes in memory at a time. */
const chunkBytesMax = 4 * MiB;
/** Longer than any per-layer array, shorter than any vocabulary. */
const arrayElementsKept = 4096;

export interface GgufReadOptions {
  /**
   * `short` keeps arrays of up to 4,096 elements, which covers everything per layer. `all` also keeps vocabulary and
   * merges, which a tokenizer needs and a plan does not.
   */
  readonly arrays?: 'short' | 'all';
  readonly limits?: Partial<GgufLimits>;
}

function rulesOf(options: GgufReadOptions): MetadataRules {
  return {
    limits: { ...ggufLimits, ...options.limits },
    arrayElementsKept: options.arrays === 'all' ? Number.POSITIVE_INFINITY : arrayElementsKept,
  };
}

/**
 * Reads the header of one GGUF file, without its data. Every error of the format names the byte, the field and the
 * limit.
 */
export async function readGgufHeader(source: ByteSource, options: GgufReadOptions = {}): Promise<GgufHeader> {
  const rules = rulesOf(options);
  const cursor = new ByteCursor(source.size, rules.limits.headerBytesMax);
  const parsing = parseGgufHeader(cursor, rules);
  let chunkBytes = chunkBytesFirst;
  let step = parsing.next();
  while (!step.done) {
    cursor.supply(await source.read(step.value.offset, Math.max(step.value.length, chunkBytes)));
    chunkBytes = Math.min(2 * chunkBytes, chunkBytesMax);
    step = parsing.next();
  }
  return step.value;
}

/** Parses the header of a file in memory, synchronously. Throws the errors of `readGgufHeader`. */
export function parseGguf(bytes: Uint8Array, options: GgufReadOptions = {}): GgufHeader {
  const rules = rulesOf(options);
  const cursor = new ByteCursor(bytes.byteLength, rules.limits.headerBytesMax);
  const parsing = parseGgufHeader(cursor, rules);
  let step = parsing.next();
  while (!step.done) {
    cursor.supply(bytes.subarray(step.value.offset));
    step = parsing.next();
  }
  return step.value;
}
