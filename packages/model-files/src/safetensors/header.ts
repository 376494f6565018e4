/**
 * The header of a safetensors file: a length, then JSON that names every tensor with type, shape and its bytes in the
 * data section. The format promises a section without gaps and without overlaps; the reader checks it, because it also
 * proves that no tensor is missing and none is listed twice.
 */
import { MiB, PlimsollError } from '@plimsoll/foundation';
import type { ByteSource } from '../byte-source.ts';
import { scanJson } from '../json-scan.ts';
import elementTypes from './element-types.json' with { type: 'json' };

const safetensorsLimits = {
  /**
   * An entry takes about 120 bytes; the largest known headers, of unsharded mixtures of experts, have about 100,000
   * entries. The reference implementation allows 100 MB.
   */
  headerBytesMax: 64 * MiB,
  tensorCountMax: 524_288,
  /** The limit of PyTorch itself is 64; stored tensors have up to 5. */
  dimensionsMax: 16,
  /** Objects inside objects: header, entry, and shape or offsets. */
  nestingMax: 3,
} as const;

export interface SafetensorsTensor {
  readonly name: string;
  /** Name in the file: `BF16`, `F8_E4M3`. */
  readonly type: string;
  readonly shape: readonly number[];
  /** First byte of the data, from the start of its file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsHeader {
  readonly tensors: readonly SafetensorsTensor[];
  /** `__metadata__`, a map from text to text. */
  readonly metadata: Readonly<Record<string, string>>;
  /** First byte of the data section. */
  readonly dataOffset: number;
}

export const safetensorsTypeBits: ReadonlyMap<string, number> = new Map(Object.entries(elementTypes.bits));

/**
 * Computes the bytes of a tensor; undefined for an unknown type, or if packed 4- or 6-bit elements do not fill whole
 * bytes.
 */
export function safetensorsBytes(type: string, shape: readonly number[]): number | undefined {
  const bits = safetensorsTypeBits.get(type);
  if (bits === undefined) return undefined;
  let elements = 1;
  for (const size of shape) elements *= size;
  const bytes = (elements * bits) / 8;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/**
 * Reads the header of one safetensors file, without its data. Throws `safetensors-truncated`, `safetensors-bad-header`
 * and similar errors, which name the byte.
 */
export async function readSafetensorsHeader(source: ByteSource): Promise<SafetensorsHeader> {
  const prefix = await source.read(0, 8);
  const length = headerLength(prefix, source.size);
  const json = await source.read(8, length);
  if (json.byteLength < length) throw truncatedHeader(length, 8 + json.byteLength);
  return parseSafetensorsHeader(json, source.size);
}

function headerLength(prefix: Uint8Array, fileBytes: number | null): number {
  if (prefix.byteLength < 8) {
    throw headerError('safetensors-truncated', 0, {
      problem: 'the file is shorter than the length of its header',
      value: prefix.byteLength,
      limit: 8,
      hint: 'this is not a safetensors file, or it is incomplete',
    });
  }
  if (new TextDecoder().decode(prefix) === 'version ') {
    throw headerError('git-lfs-pointer', 0, {
      problem: 'the file is a Git LFS pointer, the weights themselves were not downloaded',
      hint: 'run git lfs pull in the directory of the model',
    });
  }
  const view = new DataView(prefix.buffer, prefix.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  const limit = safetensorsLimits.headerBytesMax;
  if (length > limit) {
    throw headerError('safetensors-header-too-large', 0, {
      problem: `no model has a header of ${length} bytes`,
      value: length,
      limit,
      hint: 'this is not a safetensors file',
    });
  }
  if (fileBytes !== null && 8 + length > fileBytes) throw truncatedHeader(length, fileBytes);
  return length;
}

function truncatedHeader(length: number, fileBytes: number): PlimsollError {
  return headerError('safetensors-truncated', fileBytes, {
    problem: `the header has ${length} bytes, but the file ends before its end`,
    value: fileBytes,
    limit: 8 + length,
    hint: 'the file is incomplete: download it again',
  });
}

/**
 * Parses the JSON part. `fileBytes` is null if the size of the file is unknown; then the end of the file is not
 * checked.
 */
export function parseSafetensorsHeader(json: Uint8Array, fileBytes: number | null): SafetensorsHeader {
  const entries = parseEntries(json);
  const dataOffset = 8 + json.byteLength;
  const tensors: SafetensorsTensor[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, entry] of Object.entries(entries)) {
    if (name === '__metadata__') metadata = checkMetadata(entry);
    else tensors.push(checkEntry(name, entry, dataOffset));
  }
  checkCoverage(tensors, dataOffset, fileBytes);
  return { tensors, metadata, dataOffset };
}

function parseEntries(json: Uint8Array): Record<string, unknown> {
  const text = decode(json);
  const scan = scanJson(json);
  if (scan.depth > safetensorsLimits.nestingMax || scan.topKeys > safetensorsLimits.tensorCountMax) {
    const deep = scan.depth > safetensorsLimits.nestingMax;
    throw headerError('safetensors-bad-header', 8, {
      problem: deep ? 'the JSON is nested too deep' : 'the JSON has too many entries',
      value: deep ? scan.depth : scan.topKeys,
      limit: deep ? safetensorsLimits.nestingMax : safetensorsLimits.tensorCountMax,
      hint: 'this is not a safetensors file',
    });
  }
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw headerError('safetensors-bad-header', 8, {
      problem: 'the header is not a JSON object',
      hint: 'this is not a safetensors file',
    });
  }
  const entries = value as Record<string, unknown>;
  // JSON.parse keeps the last of two equal keys, so a larger count of keys shows a duplicate.
  const count = Object.keys(entries).length;
  if (count !== scan.topKeys) {
    throw headerError('safetensors-duplicate-tensor', 8, {
      problem: 'a name is listed twice',
      value: scan.topKeys,
      limit: count,
      hint: 'the file is damaged',
    });
  }
  return entries;
}

function decode(json: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json);
  } catch (cause) {
    throw headerError('safetensors-bad-header', 8, {
      problem: 'the header is not UTF-8',
      hint: 'this is not a safetensors file, or it is damaged',
      cause,
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw headerError('safetensors-bad-header', 8, {
      problem: `the header is not JSON (${cause instanceof Error ? cause.message.slice(0, 120) : ''})`,
      hint: 'this is not a safetensors file, or it is damaged',
      cause,
    });
  }
}

function checkMetadata(entry: unknown): Readonly<Record<string, string>> {
  const isText =
    typeof entry === 'object' && entry !== null && Object.values(entry).every((v) => typeof v === 'string');
  if (isText) return entry as Record<string, string>;
  throw headerError('safetensors-bad-entry', 8, {
    problem: '"__metadata__" is not a map from text to text',
    hint: 'the file is damaged',
  });
}

function checkEntry(name: string, entry: unknown, dataOffset: number): SafetensorsTensor {
  const { dtype, shape, data_offsets: offsets } = Object(entry) as Record<string, unknown>;
  const refuse = (problem: string, value: unknown, limit?: string | number): never => {
    throw headerError('safetensors-bad-entry', 8, {
      problem: `tensor "${name.slice(0, 200)}" ${problem}`,
      value: JSON.stringify(value)?.slice(0, 200),
      limit,
      hint: 'the file is damaged, or of a newer version of the format',
    });
  };
  if (typeof dtype !== 'string' || !safetensorsTypeBits.has(dtype)) {
    return refuse('has an element type that is not known', dtype, [...safetensorsTypeBits.keys()].join(', '));
  }
  if (!isSizes(shape) || shape.length > safetensorsLimits.dimensionsMax) {
    return refuse('has no shape', shape, `at most ${safetensorsLimits.dimensionsMax} whole numbers`);
  }
  if (!isSizes(offsets) || offsets.length !== 2)
    return refuse('has no data_offsets', offsets, 'two whole numbers');
  const [begin = 0, end = 0] = offsets;
  const bytes = safetensorsBytes(dtype, shape);
  if (bytes === undefined)
    return refuse(`has a shape whose ${dtype} elements do not fill whole bytes`, shape);
  if (end - begin !== bytes)
    return refuse(`of ${dtype} [${shape.join(', ')}] has ${end - begin} bytes`, offsets, bytes);
  return { name, type: dtype, shape, offset: dataOffset + begin, bytes };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/**
 * Checks that tensors follow each other without gaps from the first byte of the data section to the last byte of the
 * file.
 */
function checkCoverage(
  tensors: readonly SafetensorsTensor[],
  dataOffset: number,
  fileBytes: number | null,
): void {
  let end = dataOffset;
  for (const tensor of tensors.toSorted(
    (left, right) => left.offset - right.offset || left.bytes - right.bytes,
  )) {
    if (tensor.offset !== end) {
      throw headerError(tensor.offset < end ? 'safetensors-overlap' : 'safetensors-gap', tensor.offset, {
        problem: `tensor "${tensor.name.slice(0, 200)}" begins ${Math.abs(tensor.offset - end)} bytes ${tensor.offset < end ? 'before' : 'after'} the end of the previous tensor`,
        value: tensor.offset,
        limit: end,
        hint: 'the file is damaged',
      });
    }
    end += tensor.bytes;
  }
  if (fileBytes === null || fileBytes === end) return;
  throw headerError(fileBytes < end ? 'safetensors-truncated' : 'safetensors-gap', Math.min(fileBytes, end), {
    problem: `the tensors end at byte ${end} of a file of ${fileBytes}`,
    value: fileBytes,
    limit: end,
    hint: fileBytes < end ? 'the file is incomplete: download it again' : 'the file is damaged',
  });
}

interface HeaderFault {
  readonly problem: string;
  readonly value?: string | number | undefined;
  readonly limit?: string | number | undefined;
  readonly hint: string;
  readonly cause?: unknown;
}

function headerError(code: string, offset: number, fault: HeaderFault): PlimsollError {
  const { problem, cause, ...details } = fault;
  const message = `safetensors: at byte ${offset}: ${problem}`;
  return new PlimsollError({ code, message, ...details }, cause === undefined ? undefined : { cause });
}
