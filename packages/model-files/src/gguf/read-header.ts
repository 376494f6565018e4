/** Drives the header parser over a ByteSource: chunks that start small and double, and no byte read twice. */
import { KiB, MiB } from '@plimsoll/foundation';
import type { ByteSource } from '../byte-source.ts';
import { ByteCursor } from './byte-cursor.ts';
import type { GgufHeader } from './header.ts';
import { parseGgufHeader } from './header-parser.ts';
import { type GgufLimits, ggufLimits } from './limits.ts';
import type { MetadataRules } from './metadata-parser.ts';

/** Small enough that a header without a vocabulary is one request, large enough that one with is a handful. */
const chunkBytesFirst = 256 * KiB;
/** Bounds what may be read beyond the end of a header, and what is in memory at a time. */
const chunkBytesMax = 4 * MiB;
/** Longer than any per-layer array, shorter than any vocabulary. */
const arrayElementsKept = 4096;

export interface GgufReadOptions {
  /**
   * `short` keeps arrays of up to 4,096 elements: everything per layer. `all` keeps vocabulary and merges too, which a
   * tokenizer needs and a plan does not.
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

/** The same for a file that is in memory, without a promise. */
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
