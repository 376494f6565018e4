/** Parses a whole GGUF header, versions 2 and 3 of either byte order, without I/O. */
import { assert } from '@plimsoll/foundation';
import type { ByteCursor, Parsing } from './byte-cursor.ts';
import { type GgufHeader, type GgufValue, ggufError } from './header.ts';
import { alignmentKey, type MetadataRules, parseMetadata } from './metadata-parser.ts';
import { parseTensorTable, placeTensors } from './tensor-parser.ts';

const magic = 0x4655_4747; // "GGUF" as a little-endian uint32; the letters have the same order in both byte orders.
/** "vers", the beginning of a Git LFS pointer. A clone without LFS has such a pointer instead of the model. */
const gitLfsMagic = 0x7372_6576;
const alignmentDefault = 32;
/** An empty key, a value type and a one-byte value. */
const keyBytesMin = 8 + 4 + 1;
/** An empty name, a count of zero dimensions, a type and an offset. */
const tensorBytesMin = 8 + 4 + 4 + 8;

export function* parseGgufHeader(cursor: ByteCursor, rules: MetadataRules): Parsing<GgufHeader> {
  yield* cursor.need(24);
  const version = takeVersion(cursor);
  const tensorCount = takeCount(cursor, 'tensor count', rules.limits.tensorCountMax, tensorBytesMin);
  const keyCount = takeCount(cursor, 'metadata count', rules.limits.keyCountMax, keyBytesMin);
  const metadata = yield* parseMetadata(cursor, keyCount, rules);
  const rows = yield* parseTensorTable(cursor, tensorCount, rules.limits);
  const headerBytes = cursor.position;
  const alignment = alignmentOf(metadata);
  const dataOffset = Math.ceil(headerBytes / alignment) * alignment;
  const tensors = placeTensors(rows, { offset: dataOffset, alignment, fileBytes: cursor.fileBytes });
  return {
    version,
    littleEndian: cursor.littleEndian,
    metadata,
    tensors,
    alignment,
    headerBytes,
    dataOffset,
  };
}

function takeVersion(cursor: ByteCursor): 2 | 3 {
  cursor.field = 'magic';
  const magicPlace = cursor.place;
  const found = cursor.uint32();
  if (found !== magic) {
    throw ggufError(magicPlace, {
      code: 'gguf-bad-magic',
      problem: 'the file does not begin with "GGUF"',
      value: `0x${found.toString(16).padStart(8, '0')}`,
      limit: `0x${magic.toString(16)}`,
      hint:
        found === gitLfsMagic
          ? 'this is a Git LFS pointer: run git lfs pull in its directory'
          : 'this is not a GGUF file; ggml, ggmf and ggjt files of 2023 must be converted again',
    });
  }
  cursor.field = 'version';
  const place = cursor.place;
  const little = cursor.uint32();
  // A version is a small number, so its low half shows the byte order of the file.
  cursor.littleEndian = (little & 0xffff) !== 0;
  const version = cursor.littleEndian ? little : swapped(little);
  if (version === 2 || version === 3) return version;
  throw ggufError(place, {
    code: 'gguf-unsupported-version',
    problem: `version ${version} is not supported`,
    value: version,
    limit: '2 or 3',
    hint:
      version === 1
        ? 'version 1 was in use for days in August 2023: convert the model again'
        : 'a newer version of this program may support it',
  });
}

function swapped(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return view.getUint32(0, false);
}

/** Reads a count. Throws if the rest of the file cannot hold that many entries. */
function takeCount(cursor: ByteCursor, field: string, countMax: number, entryBytesMin: number): number {
  cursor.field = field;
  const place = cursor.place;
  const count = cursor.uint64();
  const limit = Math.min(countMax, Math.floor(cursor.remaining / entryBytesMin));
  if (count <= limit) return count;
  throw ggufError(place, {
    code: 'gguf-count-too-large',
    problem: `${count} entries do not fit`,
    value: count,
    limit,
    hint: 'the file is damaged or incomplete',
  });
}

/** Returns the alignment of the data section in bytes. The metadata parser accepts only a power of two. */
function alignmentOf(metadata: ReadonlyMap<string, GgufValue>): number {
  const entry = metadata.get(alignmentKey);
  if (entry === undefined) return alignmentDefault;
  assert(
    entry.type === 'uint32' && typeof entry.value === 'number',
    'the alignment was checked when it was read',
  );
  return entry.value;
}
