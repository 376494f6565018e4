/**
 * Whether the vocabulary lists of a GGUF file are as long as the model's vocabulary: the plan counts the memory of a tokenizer
 * by the rows of the embedding, and a token without a row has nothing to be computed from.
 */
import { badGeometry, type GgufValue } from '@plimsoll/model-files';

/** Vocabularies out of tiktoken have two merges per token, since every way to split a token is one. */
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
