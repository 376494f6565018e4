import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ggufMixture } from './checkpoint-name.ts';
import { dataDirectory, listModels, shippedRegistry } from './node-registry.ts';
import { type OllamaTag, ollamaLibraryPath } from './ollama-library.ts';

const { tags }: { readonly tags: readonly OllamaTag[] } = JSON.parse(
  readFileSync(`${dataDirectory}/${ollamaLibraryPath}`, 'utf8'),
);

test('every tag is written once, names a record, and has a mixture where its size is known', () => {
  const ids = new Set(listModels().map(({ id }) => id));
  const names = tags.flatMap(({ tag, alsoTagged = [] }) => [
    tag,
    ...alsoTagged.map((other) => `${tag.split(':')[0]}:${other}`),
  ]);
  expect(new Set(names).size).toBe(names.length);
  for (const { tag, model, weights } of tags) {
    expect(ids.has(model), `${tag} names ${model}`).toBe(true);
    if (weights !== undefined) expect(ggufMixture(weights), tag).toBe(weights);
  }
  const latest = tags.filter((row) => row.latest === true).map(({ tag }) => tag.split(':')[0]);
  expect(new Set(latest).size).toBe(latest.length);
});

test('each tag resolves to its own row, with the mixture of the tag where it names one', () => {
  for (const { tag, model, weights, fileGigabytes } of tags) {
    const size = fileGigabytes === undefined ? {} : { fileGigabytes };
    const inEight = { id: model, weights: 'Q8_0', ...(weights === 'Q8_0' && size) };
    expect(shippedRegistry.resolveOllamaTag(`${tag}-q8_0`)).toEqual(inEight);
    if (weights === undefined) continue;
    expect(shippedRegistry.resolveOllamaTag(tag)).toEqual({ id: model, weights, ...size });
  }
});
