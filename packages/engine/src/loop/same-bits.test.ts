/**
 * With quantised weights, a token's logits have the same bits alone, in a batch, after prompt chunks of any size, on a
 * cached prefix and as a verified draft, at every length of the context.
 */
import { expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import type { GenerationRequest } from '../request/generation.ts';
import { startFixture } from './fixture-engine.test-data.ts';

const contextMax = 480;
const requests = [16, 120, 200, 330].map(
  (length, index): GenerationRequest => ({
    // A period of 23 tokens, so that prompt lookup finds drafts.
    prompt: Array.from({ length }, (_, token) => 5 + (((token % 23) * 37 + index * 11) % 250)),
    maxTokens: 140,
    ignoreEnd: true,
    sampling: { temperature: 0, logprobs: 3 },
  }),
);

/** The tokens of an answer and their exact log-probabilities. */
async function answer(engine: Engine, request: GenerationRequest) {
  const { choices } = await engine.generate(request);
  return choices.map(({ tokens, logprobs }) => ({ tokens, logprobs }));
}

test.each([
  { name: 'llama-3', file: 'q4_0.gguf' },
  { name: 'llama-3', file: 'q8_0.gguf' },
  { name: 'llama-k-quants', file: 'q4_k.gguf' },
])('$name $file', async (place) => {
  for (const kvFormat of ['fp16', 'q8_0'] as const) {
    const sizes = { contextMax, kvFormat, threads: 2 };
    const plain = await startFixture(place, { ...sizes, sequencesMax: 1, prefillChunkTokens: 480 });
    const expected = [];
    for (const request of requests) expected.push(await answer(plain, request));
    await plain.close();
    const engine = await startFixture(place, { ...sizes, sequencesMax: 4, prefillChunkTokens: 37 });
    for (const promptLookup of [false, { draftTokensMax: 5, matchTokensMin: 1 }]) {
      const answers = await Promise.all(
        requests.map((request) => answer(engine, { ...request, promptLookup })),
      );
      expect(answers).toEqual(expected);
    }
    expect(engine.metrics.acceptedTokens).toBeGreaterThan(0);
    expect(engine.metrics.prefixHitTokens).toBeGreaterThan(0);
    await engine.close();
  }
});
