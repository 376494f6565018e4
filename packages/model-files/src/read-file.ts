/**
 * Reads whole small files: JSON, templates, logs. Each file is regular and within the byte limit of its kind, and
 * parsed JSON is within a depth limit, so that callers may recurse into it.
 */
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { type ByteSource, readWhole } from './byte-source.ts';
import { openFileSource } from './byte-source-file.ts';
import { scanJson } from './json-scan.ts';

/** Maximum size in bytes per kind of file; each comment gives the largest known file. */
export const fileBytesMax = {
  /** config.json and similar files: 500 kB, from a model that lists its unquantised modules one by one. */
  config: 16 * MiB,
  /** tokenizer.json: 34 MB, from Gemma 3. */
  tokenizer: 64 * MiB,
  /** model.safetensors.index.json: 9 MB, from an unfused mixture of experts with 100,000 tensors. */
  index: 64 * MiB,
  /** Chat templates: 25 kB. */
  template: MiB,
  /**
   * JSON schemas and grammars. An OpenAPI description of a whole service may have 10 MB, but is no grammar of one
   * answer.
   */
  schema: 4 * MiB,
  /** Start-up logs of engines: a few thousand records of a kilobyte. */
  log: 64 * MiB,
} as const;

/**
 * Maximum number of values per kind of file. A parsed value takes up to 50 bytes; the largest known files have a tenth
 * of the limit.
 */
const valuesMax: Readonly<Record<FileKind, number>> = {
  config: 1_000_000,
  tokenizer: 16_000_000,
  index: 2_000_000,
  template: 1,
  schema: 1_000_000,
  log: 4_000_000,
};

/** Limits below those of the kind, for callers that know more about the file. */
export interface FileLimits {
  readonly bytesMax?: number;
  readonly valuesMax?: number;
}

export type FileKind = keyof typeof fileBytesMax;

/** Maximum depth of brackets. Known files of these kinds have up to 12. */
const jsonDepthMax = 128;

/** Reads a file as text. Throws `not-utf-8`, `file-too-large`, or the errors of `openFileSource`. */
export async function readTextFile(path: string, kind: FileKind): Promise<string> {
  const source = await openFileSource(path);
  return decoded(source.name, await readAndClose(source, kind));
}

/**
 * Reads and parses a JSON file. Throws `json-too-deep`, `json-too-large`, `bad-json`, or the errors of `readTextFile`.
 */
export async function readJsonFile(
  path: string,
  kind: FileKind = 'config',
  limits: FileLimits = {},
): Promise<unknown> {
  return readJsonSource(await openFileSource(path), kind, limits);
}

/** Reads and parses JSON from an open source, and closes the source. */
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

/** Maximum length of V8's message about bad JSON, which quotes the text. */
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
