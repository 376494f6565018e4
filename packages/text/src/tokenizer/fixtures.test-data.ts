/** The fixtures under fixtures/tokenizers, which tools/reference/make-tokenizer-fixtures.py makes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseGguf } from '@plimsoll/model-files/gguf';
import { ggufString } from '@plimsoll/model-files/writing';
import { tokenizerFromGguf } from './gguf-tokenizer.ts';
import { tokenizerFromJson } from './json-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';

const folder = join(import.meta.dirname, '../../../../fixtures/tokenizers');

/** Ids of one text, with spaces between. */
type Ids = string;

export interface JsonVariant {
  readonly name: string;
  readonly model: string;
  readonly parts: Readonly<Record<string, unknown>>;
  /** Per text, with control tokens read in the text. */
  readonly parsed: readonly Ids[];
  /** By number of the text: without reading them, where that differs. */
  readonly plain: Readonly<Record<string, Ids>>;
  /** By number of the text: what the ids decode to, where that is not the text. */
  readonly decoded: Readonly<Record<string, string>>;
}

function readFixture<Value>(name: string): Value {
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as Value;
}

export const nastyTexts: readonly string[] = readFixture('texts.json');
export const byteLevelIds: Readonly<Record<string, readonly Ids[]>> = readFixture('byte-level-ids.json');
export const scoreBpeIds: { readonly ids: readonly Ids[] } = readFixture('score-bpe-ids.json');
export const jsonVariants: readonly JsonVariant[] = readFixture('variants.json');
const models: Readonly<Record<string, Readonly<Record<string, unknown>>>> = readFixture('models.json');

export function ggufTokenizer(name: string, changes: Readonly<Record<string, string>> = {}): Tokenizer {
  const { metadata } = parseGguf(readFileSync(join(folder, name)), { arrays: 'all' });
  const changed = new Map(metadata);
  for (const [key, value] of Object.entries(changes)) changed.set(key, ggufString(value));
  return tokenizerFromGguf(changed);
}

export function jsonConfig({ model, parts }: Pick<JsonVariant, 'model' | 'parts'>): Record<string, unknown> {
  const config = model === 'unigramUnknown' ? { ...models.unigram, byte_fallback: false } : models[model];
  return { version: '1.0', ...parts, model: config };
}

export function jsonTokenizer(variant: Pick<JsonVariant, 'model' | 'parts'>): Tokenizer {
  return tokenizerFromJson({ tokenizer: jsonConfig(variant) });
}

export function spaced(ids: Iterable<number>): Ids {
  return [...ids].join(' ');
}
