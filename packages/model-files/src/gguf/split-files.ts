/**
 * Reads models that are split over several GGUF files. llama.cpp names the parts `name-00001-of-00003.gguf`, writes all
 * metadata into the first part, and writes the part's number (from 0), the number of parts and the number of tensors
 * into each part.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ByteSource } from '../byte-source.ts';
import type { GgufHeader, GgufTensor, GgufValue } from './header.ts';
import { type GgufReadOptions, readGgufHeader } from './read-header.ts';

/**
 * llama.cpp stores part numbers in five digits of a name and 16 bits of metadata; no model has nearly as many parts.
 */
const partCountMax = 1024;

export interface GgufPart {
  /** File name, without its directory. */
  readonly name: string;
  readonly header: GgufHeader;
  /** Size of the file in bytes; null if the server does not give it. */
  readonly fileBytes: number | null;
}

export interface GgufModelTensor extends GgufTensor {
  /** Index into `parts` of the file that holds the data. */
  readonly part: number;
}

/** A whole model: the metadata of its first part and the tensors of all parts. */
export interface GgufModel {
  /** Name of the first part. */
  readonly name: string;
  readonly parts: readonly GgufPart[];
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufModelTensor[];
}

export interface NamedSource {
  /** File name, without its directory. */
  readonly name: string;
  readonly source: ByteSource;
}

/** Opens a file in the directory of the first file by its name; returns null if it does not exist. */
export type OpenPart = (name: string) => Promise<ByteSource | null>;

/** Reads the model that the file `named` belongs to. Closes every source that it opened or received. */
export async function readGgufModel(
  named: NamedSource,
  open: OpenPart,
  options: GgufReadOptions = {},
): Promise<GgufModel> {
  return readParts(await readPart(named.source, named.name, options), open, options);
}

async function readPart(source: ByteSource, name: string, options: GgufReadOptions): Promise<GgufPart> {
  try {
    return { name, header: await readGgufHeader(source, options), fileBytes: source.size };
  } finally {
    await source.close();
  }
}

async function readParts(named: GgufPart, open: OpenPart, options: GgufReadOptions): Promise<GgufModel> {
  const count = splitNumber(named, 'split.count') ?? 1;
  if (count <= 1) return modelOf([named]);
  const names = partNames(named, count);
  const parts: GgufPart[] = [];
  const missing: string[] = [];
  for (const [index, name] of names.entries()) {
    const source = name === named.name ? null : await open(name);
    if (name === named.name) parts.push(named);
    else if (source === null) missing.push(name);
    else parts.push(await readPart(source, name, options));
    const part = parts.at(-1);
    if (missing.length === 0 && part !== undefined) checkPart(part, index, count);
  }
  if (missing.length > 0) {
    throw new PlimsollError({
      code: 'gguf-missing-parts',
      message: `${missing.length} of ${count} parts of this model are missing next to ${named.name}: ${missing.join(', ')}`,
      value: missing.join(', '),
      limit: count,
      hint: 'download the missing parts into the same directory',
    });
  }
  return modelOf(parts);
}

function splitNumber(part: GgufPart, key: string): number | undefined {
  const entry = part.header.metadata.get(key);
  return entry !== undefined && entry.type !== 'array' && typeof entry.value === 'number'
    ? entry.value
    : undefined;
}

function partNames(named: GgufPart, count: number): string[] {
  const match = /^(.*)-\d{5}-of-(\d{5})\.gguf$/.exec(named.name);
  if (match === null || Number(match[2]) !== count || count > partCountMax) {
    throw new PlimsollError({
      code: 'gguf-split-name',
      message: `the metadata of ${named.name} states ${count} parts, but its name states no part number`,
      value: named.name,
      limit: `<name>-00001-of-${String(count).padStart(5, '0')}.gguf, at most ${partCountMax} parts`,
      hint: 'give all parts the names that llama-gguf-split gave them, or join them with llama-gguf-split --merge',
    });
  }
  return Array.from(
    { length: count },
    (_, index) => `${match[1]}-${fiveDigits(index + 1)}-of-${match[2]}.gguf`,
  );
}

function fiveDigits(value: number): string {
  return String(value).padStart(5, '0');
}

function checkPart(part: GgufPart, index: number, count: number): void {
  const number = splitNumber(part, 'split.no');
  const counted = splitNumber(part, 'split.count');
  if (number === index && counted === count) return;
  throw new PlimsollError({
    code: 'gguf-split-mismatch',
    message: `the metadata of ${part.name} states part ${number} (from 0) of ${counted}, its name states ${index} of ${count}`,
    value: `${number} of ${counted}`,
    limit: `${index} of ${count}`,
    hint: 'the parts belong to different models or were renamed',
  });
}

function modelOf(parts: readonly GgufPart[]): GgufModel {
  const tensors: GgufModelTensor[] = [];
  const partOfName = new Map<string, number>();
  for (const [part, { header, name }] of parts.entries()) {
    for (const tensor of header.tensors) {
      const other = partOfName.get(tensor.name);
      if (other !== undefined) {
        throw new PlimsollError({
          code: 'gguf-duplicate-tensor',
          message: `tensor "${tensor.name}" is in ${parts[other]?.name} and in ${name}`,
          value: tensor.name,
          hint: 'the parts belong to different models',
        });
      }
      partOfName.set(tensor.name, part);
      tensors.push({ ...tensor, part });
    }
  }
  const first = parts[0];
  const expected = first && parts.length > 1 ? splitNumber(first, 'split.tensors.count') : undefined;
  if (expected !== undefined && expected !== tensors.length) {
    throw new PlimsollError({
      code: 'gguf-split-mismatch',
      message: `the parts of ${first?.name} have ${tensors.length} tensors, the metadata states ${expected}`,
      value: tensors.length,
      limit: expected,
      hint: 'the parts belong to different models',
    });
  }
  return {
    name: first?.name ?? '',
    parts,
    metadata: first?.header.metadata ?? new Map(),
    tensors,
  };
}
