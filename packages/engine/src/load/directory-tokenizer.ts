/** The tokenizer files of a model directory; of the three only tokenizer.json must be there. */
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { readJsonFile } from '@plimsoll/model-files';
import type { Tokenizer } from '@plimsoll/text';
import { tokenizerFromJson } from '@plimsoll/text';

export async function tokenizerOfDirectory(path: string): Promise<Tokenizer> {
  const tokenizer = await readJsonFile(join(path, 'tokenizer.json'), 'tokenizer');
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
