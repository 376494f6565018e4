/**
 * The mixtures of Ollama's tags were inferred from the sizes that its library prints: here the recipe of each mixture
 * must give that size.
 */
import { readFileSync } from 'node:fs';
import { defined } from '@plimsoll/foundation';
import { modelSpecFromRecord } from '@plimsoll/model-files/config';
import { resolveModel, shippedRegistry } from '@plimsoll/registry';
import { dataDirectory } from '@plimsoll/registry/authoring';
import { expect, test } from 'vitest';
import { ggufFileBytes } from './gguf-spec.ts';

interface PrintedTag {
  readonly tag: string;
  readonly fileGigabytes?: number;
}

const { tags }: { readonly tags: readonly PrintedTag[] } = JSON.parse(
  readFileSync(`${dataDirectory}/ollama-library.json`, 'utf8'),
);

/** A vision tower and its projector are in the same file, in 16 bits, and no mixture names their size. */
const projectorGigabytesMax = 2;
/** The library prints two digits, and headers and tokenizers take some megabytes. */
const printedErrorMax = 0.04;

/** Files of Ollama's own converter that hold more than the mixture says. */
const larger: Readonly<Record<string, string>> = {
  'gemma4:e2b': 'embeddings per layer in 16 bits',
  'gemma4:e4b': 'embeddings per layer in 16 bits',
  'qwen3-coder-next:latest': 'the prediction layer',
  'gpt-oss:20b': 'attention and embeddings in 16 bits',
  'qwen3:0.6b': 'the tied head a second time',
  'qwen3:1.7b': 'the tied head a second time',
  'qwen3.5:35b': 'the prediction layer and the vision tower',
  'qwen3.6:35b': 'the prediction layer and the vision tower',
  'qwen3.5:122b': 'the prediction layer and the vision tower',
};

test("the recipe of a tag's mixture gives the size that Ollama's library prints", () => {
  const wrong: string[] = [];
  let compared = 0;
  for (const { tag, fileGigabytes } of tags) {
    if (fileGigabytes === undefined) continue;
    const named = defined(shippedRegistry.resolveOllamaTag(tag), `${tag} is in the library`);
    const weights = defined(named.weights, `${tag} has a size, so it has a mixture`);
    const record = resolveModel(named.id);
    const planned = ggufFileBytes(modelSpecFromRecord(record), weights) / 1e9;
    const more = fileGigabytes - planned;
    const hasVision = 'vision_config' in record.config || /VL|vision|llava|Qwen3\.5/i.test(named.id);
    const room = tag in larger ? planned * 1.3 : hasVision ? projectorGigabytesMax : 0;
    compared += 1;
    if (more < -planned * 0.07 || more > planned * printedErrorMax + room)
      wrong.push(`${tag}: ${fileGigabytes} GB printed, ${planned.toFixed(2)} planned in ${weights}`);
  }
  expect(wrong).toEqual([]);
  expect(compared).toBeGreaterThan(80);
});
