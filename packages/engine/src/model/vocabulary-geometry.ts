/**
 * Checks that the vocabulary lists of a GGUF file are no longer than the model's vocabulary. The plan counts the memory
 * of a tokenizer by the rows of the embedding, and a token without a row cannot be computed.
 */
import { badGeometry } from '@plimsoll/model-files';
import type { GgufValue } from '@plimsoll/model-files/gguf';

/** Limit of merges per token. Vocabularies from tiktoken have about two, because every split of a token is a merge. */
const mergesPerToken = 8;
const mergesBeside = 4096;

export function checkVocabulary(metadata: ReadonlyMap<string, GgufValue>, vocabSize: number): void {
  const perToken = ['tokens', 'scores', 'token_type'].map((name) => [name, vocabSize] as const);
  const merges = ['merges', mergesBeside + mergesPerToken * vocabSize] as const;
  for (const [name, most] of [...perToken, merges]) {
    const key = `tokenizer.ggml.${name}`;
    const list = metadata.get(key);
    if (list?.type !== 'array' || list.length <= most) continue;
    const needed = `at most ${most} long, for a vocabulary of ${vocabSize}`;
    throw badGeometry({ key, value: `a list of ${list.length}`, needed });
  }
}
