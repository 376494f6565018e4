/**
 * Reads checkpoints that are split into shards: an index maps each tensor to its file. The reader checks the index
 * against the shards, because a stale index often loses half a model.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ByteSource } from '../byte-source.ts';
import { readJsonSource } from '../read-file.ts';
import { readSafetensorsHeader, type SafetensorsHeader, type SafetensorsTensor } from './header.ts';

const shardCountMax = 4096;

export interface ShardTensor extends SafetensorsTensor {
  /** Index into `shards` of the file that holds the data. */
  readonly shard: number;
}

export interface SafetensorsModel {
  readonly shards: readonly { readonly name: string; readonly header: SafetensorsHeader }[];
  readonly tensors: readonly ShardTensor[];
  /** Sum over all tensors, in bytes, without headers. */
  readonly tensorBytes: number;
  /** Tensors of a shard that the index does not list; loaders ignore them. */
  readonly notIndexed: readonly string[];
}

/** Opens a file in the directory of the index by its name; returns null if it does not exist. */
export type OpenShard = (name: string) => Promise<ByteSource | null>;

/** Reads a checkpoint in one file. */
export async function readSafetensorsFile(name: string, source: ByteSource): Promise<SafetensorsModel> {
  const header = await readAndClose(source);
  return modelOf([{ name, header }], null);
}

/**
 * Reads all shards that an index names. Returns null if no shard exists, as in a download without weights. Closes every
 * source that it opened or received.
 */
export async function readSafetensorsIndex(
  index: ByteSource,
  open: OpenShard,
): Promise<SafetensorsModel | null> {
  const shardOfTensor = await readIndex(index);
  const names = [...new Set(shardOfTensor.values())].sort();
  if (names.length > shardCountMax) {
    throw badIndex(index.name, `names ${names.length} files`, { value: names.length, limit: shardCountMax });
  }
  const shards: { name: string; header: SafetensorsHeader }[] = [];
  const missing: string[] = [];
  for (const name of names) {
    const source = await open(name);
    if (source === null) missing.push(name);
    else shards.push({ name, header: await readAndClose(source) });
  }
  if (missing.length === names.length) return null;
  if (missing.length > 0) {
    throw new PlimsollError({
      code: 'safetensors-missing-shards',
      message: `${missing.length} of ${names.length} shards are missing next to ${index.name}: ${missing.slice(0, 20).join(', ')}`,
      value: missing.slice(0, 20).join(', '),
      limit: names.length,
      hint: 'download the missing shards into the same directory',
    });
  }
  return modelOf(shards, { name: index.name, shardOfTensor });
}

async function readAndClose(source: ByteSource): Promise<SafetensorsHeader> {
  try {
    return await readSafetensorsHeader(source);
  } catch (error) {
    if (error instanceof PlimsollError) throw named(source.name, error);
    throw error;
  } finally {
    await source.close();
  }
}

/** Adds the name of the damaged shard to an error. */
function named(name: string, error: PlimsollError): PlimsollError {
  return new PlimsollError({ ...error.toJSON(), message: `${name}: ${error.message}` }, { cause: error });
}

/** Reads the names of the files that an index names, and closes it. */
export async function readShardNames(index: ByteSource): Promise<readonly string[]> {
  return [...new Set((await readIndex(index)).values())].sort();
}

async function readIndex(source: ByteSource): Promise<ReadonlyMap<string, string>> {
  const map = weightMap(source.name, await parsedIndex(source));
  for (const [tensor, file] of map) {
    // A name with a path would reach outside the model's directory.
    if (!/^[^/\\]+\.safetensors$/.test(file)) {
      throw badIndex(source.name, `puts "${tensor.slice(0, 200)}" into "${file.slice(0, 200)}"`, {
        value: file.slice(0, 200),
        limit: '<name>.safetensors',
      });
    }
  }
  return map;
}

async function parsedIndex(source: ByteSource): Promise<unknown> {
  try {
    return await readJsonSource(source, 'index');
  } catch (cause) {
    const isText = cause instanceof PlimsollError && ['bad-json', 'not-utf-8'].includes(cause.code);
    throw isText ? badIndex(source.name, 'is not JSON', { cause }) : cause;
  }
}

function weightMap(name: string, value: unknown): ReadonlyMap<string, string> {
  const map = (Object(value) as Record<string, unknown>).weight_map;
  const entries = typeof map === 'object' && map !== null ? Object.entries(map) : [];
  const texts = entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  if (texts.length === 0 || texts.length !== entries.length) {
    throw badIndex(name, 'has no "weight_map" from tensor to file', {
      value: texts.length,
      limit: 'at least one tensor',
    });
  }
  return new Map(texts);
}

interface IndexFault {
  readonly value?: string | number;
  readonly limit?: string | number;
  readonly cause?: unknown;
}

function badIndex(name: string, problem: string, { cause, ...details }: IndexFault): PlimsollError {
  const hint = 'the index is damaged: download it again';
  return new PlimsollError(
    { code: 'safetensors-bad-index', message: `${name} ${problem}`, ...details, hint },
    cause === undefined ? undefined : { cause },
  );
}

type Shards = SafetensorsModel['shards'];

function modelOf(
  shards: Shards,
  index: { readonly name: string; readonly shardOfTensor: ReadonlyMap<string, string> } | null,
): SafetensorsModel {
  const tensors: ShardTensor[] = [];
  const notIndexed: string[] = [];
  const found = new Set<string>();
  for (const [shard, { name, header }] of shards.entries()) {
    for (const tensor of header.tensors) {
      if (index !== null && index.shardOfTensor.get(tensor.name) !== name) {
        notIndexed.push(tensor.name);
        continue;
      }
      found.add(tensor.name);
      tensors.push({ ...tensor, shard });
    }
  }
  const absent = [...(index?.shardOfTensor.keys() ?? [])].filter((name) => !found.has(name));
  if (index !== null && absent.length > 0) {
    throw new PlimsollError({
      code: 'safetensors-missing-tensors',
      message: `${index.name} names ${absent.length} tensors that its shards do not hold: ${absent.slice(0, 10).join(', ')}`,
      value: absent.length,
      limit: index.shardOfTensor.size,
      hint: 'index and shards are of different revisions: download both again',
    });
  }
  const tensorBytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  return { shards, tensors, tensorBytes, notIndexed };
}
