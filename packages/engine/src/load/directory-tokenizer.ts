/** The tokenizer files of a model directory; of the three only tokenizer.json must be there. */
import { join } from 'node:path';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { readJsonFile } from '@plimsoll/model-files';
import type { Tokenizer } from '@plimsoll/text';
import { tokenizerFromJson } from '@plimsoll/text';

/** Gemma 3, whose file is the largest, has 130 bytes and 7 values per token of its vocabulary. */
const bytesPerToken = 512;
const valuesPerToken = 32;
/** Whatever the vocabulary: patterns, added tokens, templates. */
const bytesBeside = MiB;
const valuesBeside = 65_536;

/** A file may be as large as a vocabulary of the model's size makes it: the memory for it is in the plan by that size. */
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
