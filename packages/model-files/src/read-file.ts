/**
 * Whole small files: JSON, templates, logs. What is opened is a regular file of at most so many bytes, and what is parsed is
 * nested at most so deep: code that reads a value may then descend into it.
 */
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { type ByteSource, readWhole } from './byte-source.ts';
import { openFileSource } from './byte-source-file.ts';
import { scanJson } from './json-scan.ts';

/** Bytes that a file of each kind may have, with the largest that is known. */
export const fileBytesMax = {
  /** config.json and its neighbours: 500 kB, of a model that lists unquantised modules one by one. */
  config: 16 * MiB,
  /** tokenizer.json: 34 MB, of Gemma 3. */
  tokenizer: 64 * MiB,
  /** model.safetensors.index.json: 9 MB, of an unfused mixture of experts with 100,000 tensors. */
  index: 64 * MiB,
  /** Chat templates: 25 kB. */
  template: MiB,
  /** JSON schemas and grammars: OpenAPI descriptions of whole services have 10 MB and are no grammar of one answer. */
  schema: 4 * MiB,
  /** Start-up logs of engines: some thousand records of a kilobyte. */
  log: 64 * MiB,
} as const;

/** Values that a file of each kind may have: parsed, one takes up to 50 bytes. The largest known have a tenth of it. */
const valuesMax: Readonly<Record<FileKind, number>> = {
  config: 1_000_000,
  tokenizer: 16_000_000,
  index: 2_000_000,
  template: 1,
  schema: 1_000_000,
  log: 4_000_000,
};

/** Tighter limits, for who knows more of the file than its kind. */
export interface FileLimits {
  readonly bytesMax?: number;
  readonly valuesMax?: number;
}

export type FileKind = keyof typeof fileBytesMax;

/** Levels of brackets. Files of these kinds have up to 12. */
const jsonDepthMax = 128;

/** The text of a file, which must be UTF-8. */
export async function readTextFile(path: string, kind: FileKind): Promise<string> {
  const source = await openFileSource(path);
  return decoded(source.name, await readAndClose(source, kind));
}

/** The parsed value of a JSON file. */
export async function readJsonFile(
  path: string,
  kind: FileKind = 'config',
  limits: FileLimits = {},
): Promise<unknown> {
  return readJsonSource(await openFileSource(path), kind, limits);
}

/** The same for a source that is open; closes it. */
export async function readJsonSource(
  source: ByteSource,
  kind: FileKind,
  limits: FileLimits = {},
): Promise<unknown> {
  const bytes = await readAndClose(source, kind, limits);
  const { depth, values } = scanJson(bytes);
  const hint = 'check that this is the file you meant';
  if (depth > jsonDepthMax) {
    const message = `${source.name} nests ${depth} levels of brackets`;
    throw new PlimsollError({ code: 'json-too-deep', message, value: depth, limit: jsonDepthMax, hint });
  }
  const limit = limits.valuesMax ?? valuesMax[kind];
  if (values > limit) {
    const message = `${source.name} has ${values} values, too many for a file of its kind`;
    throw new PlimsollError({ code: 'json-too-large', message, value: values, limit, hint });
  }
  try {
    return JSON.parse(decoded(source.name, bytes));
  } catch (cause) {
    if (cause instanceof PlimsollError) throw cause;
    throw badText('bad-json', `${source.name} is not JSON (${messageOf(cause)})`, source.name, cause);
  }
}

/** What V8 says of bad JSON quotes the text, which may be long. */
const messageLengthMax = 120;

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.slice(0, messageLengthMax) : '';
}

async function readAndClose(
  source: ByteSource,
  kind: FileKind,
  { bytesMax = fileBytesMax[kind] }: FileLimits = {},
): Promise<Uint8Array> {
  try {
    return await readWhole(source, Math.min(bytesMax, fileBytesMax[kind]));
  } finally {
    await source.close();
  }
}

function decoded(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw badText('not-utf-8', `${name} is not UTF-8 text`, name, cause);
  }
}

function badText(code: string, message: string, value: string, cause: unknown): PlimsollError {
  const hint = 'the file is damaged, or of another kind: check the path, or download it again';
  return new PlimsollError({ code, message, value, hint }, { cause });
}
