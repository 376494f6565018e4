/** Typed access to the tokenizer keys of a GGUF header. */
import type { GgufModel } from '@plimsoll/model-files';
import type { TextTable } from '@plimsoll/model-files/gguf';
import { badTokenizer } from './limits.ts';

export type GgufMetadata = GgufModel['metadata'];

export function textValue(metadata: GgufMetadata, key: string): string | null {
  const entry = metadata.get(key);
  if (entry === undefined) return null;
  if (entry.type === 'array' || typeof entry.value !== 'string')
    throw badTokenizer(key, entry.type, 'a text');
  return entry.value;
}

export function flagValue(metadata: GgufMetadata, key: string): boolean | null {
  const entry = metadata.get(key);
  if (entry === undefined) return null;
  if (entry.type === 'array' || typeof entry.value !== 'boolean') {
    throw badTokenizer(key, entry.type, 'true or false');
  }
  return entry.value;
}

/** An id below `limit`; converters write nonsense for tokens that a model lacks, so anything else counts as absent. */
export function idValue(metadata: GgufMetadata, key: string, limit: number): number | null {
  const entry = metadata.get(key);
  if (entry === undefined || entry.type === 'array' || typeof entry.value !== 'number') return null;
  return Number.isSafeInteger(entry.value) && entry.value >= 0 && entry.value < limit ? entry.value : null;
}

export function textList(metadata: GgufMetadata, key: string): readonly string[] | null {
  return listOf(metadata, key, (value): value is string => typeof value === 'string', 'texts');
}

/** The same, where a long list comes as a table, its texts not decoded yet. */
export function textTable(metadata: GgufMetadata, key: string): TextTable | readonly string[] | null {
  const entry = metadata.get(key);
  return entry?.type === 'array' && entry.table !== undefined ? entry.table : textList(metadata, key);
}

export function numberList(metadata: GgufMetadata, key: string): readonly number[] | null {
  return listOf(metadata, key, (value): value is number => typeof value === 'number', 'numbers');
}

function listOf<Value>(
  metadata: GgufMetadata,
  key: string,
  isValue: (value: unknown) => value is Value,
  needed: string,
): readonly Value[] | null {
  const entry = metadata.get(key);
  if (entry === undefined) return null;
  if (entry.type !== 'array') throw badTokenizer(key, entry.type, `a list of ${needed}`);
  const { values } = entry;
  if (values === null) {
    throw badTokenizer(
      key,
      `left out by the reader (${entry.length} elements)`,
      "readGgufModel with { arrays: 'all' }",
    );
  }
  const list: readonly unknown[] = values;
  if (!list.every(isValue)) throw badTokenizer(key, `a list of ${entry.elementType}`, `a list of ${needed}`);
  return list;
}
