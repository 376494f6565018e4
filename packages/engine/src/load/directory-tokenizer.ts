/** Reads the tokenizer files of a model directory. Only tokenizer.json is required. */
import { join } from 'node:path';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { readJsonFile } from '@plimsoll/model-files/files';
import type { Tokenizer } from '@plimsoll/text';
import { tokenizerFromJson } from '@plimsoll/text';

/** Limits per token of the vocabulary. The largest known file, of Gemma 3, has 130 bytes and 7 values per token. */
const bytesPerToken = 512;
const valuesPerToken = 32;
/** Limits of the parts that do not grow with the vocabulary: patterns, added tokens, templates. */
const bytesBeside = MiB;
const valuesBeside = 65_536;

/** The size limits follow the model's vocabulary, because the plan counts the tokenizer's memory by its vocabulary. */
export async function tokenizerOfDirectory(path: string, vocabSize: number): Promise<Tokenizer> {
  const tokenizer = await readJsonFile(join(path, 'tokenizer.json'), 'tokenizer', {
    bytesMax: bytesBeside + bytesPerToken * vocabSize,
    valuesMax: valuesBeside + valuesPerToken * vocabSize,
  });
  const tokenizerConfig = await readIfPresent(join(path, 'tokenizer_config.json'));
  const generationConfig = await readIfPresent(join(path, 'generation_config.json'));
  return tokenizerFromJson({
    tokenizer,
    ...(tokenizerConfig !== undefined && { tokenizerConfig }),
    ...(generationConfig !== undefined && { generationConfig }),
  });
}

async function readIfPresent(path: string): Promise<unknown> {
  try {
    return await readJsonFile(path);
  } catch (error) {
    if (error instanceof PlimsollError && error.code === 'file-not-found') return undefined;
    throw error;
  }
}
