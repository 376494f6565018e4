/** A text that outgrows its context: which tokens are dropped, and that the rest is answered like any other prompt. */
import { defined } from '@plimsoll/foundation';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import { openModel } from '../load/open-model.ts';
import { fixturesDirectory, startFixture } from '../loop/fixture-engine.test-data.ts';
import { slide } from './context-slide.ts';
import type { GenerationRequest } from './generation.ts';

const place = { name: 'llama-3', file: 'f16.gguf' };
const contextMax = 64;
const greedy = { temperature: 0 };

test('keeps the first tokens and drops the older half of the others, until a token has room', () => {
  const tokens = Array.from({ length: 10 }, (_, index) => index);
  expect(slide(tokens, { keepTokens: 2, contextMax: 11 })).toEqual(tokens);
  expect(slide(tokens, { keepTokens: 2, contextMax: 10 })).toEqual([0, 1, 6, 7, 8, 9]);
  expect(slide(tokens, { keepTokens: 0, contextMax: 10 })).toEqual([5, 6, 7, 8, 9]);
  expect(slide(tokens, { keepTokens: 2, contextMax: 6 })).toEqual([0, 1, 8, 9]);
  expect(slide(tokens, { keepTokens: 3, contextMax: 6 })).toEqual([0, 1, 2, 9]);
});

/** The same answer from requests that do not slide: each has the kept tokens as its prompt. */
async function inFreshRuns(engine: Engine, request: GenerationRequest & { readonly maxTokens: number }) {
  const { prompt, maxTokens, overflow } = request;
  const keepTokens = typeof overflow === 'object' ? overflow.keepTokens : 0;
  let text = typeof prompt === 'string' ? [] : Array.from(prompt);
  const output: number[] = [];
  let droppedTokens = 0;
  while (output.length < maxTokens) {
    const kept = slide(text, { keepTokens, contextMax });
    droppedTokens += text.length - kept.length;
    const room = Math.min(contextMax - kept.length, maxTokens - output.length);
    const { choices } = await engine.generate({
      ...request,
      prompt: kept,
      maxTokens: room,
      overflow: 'refuse',
    });
    const { tokens } = defined(choices[0], 'a request has a choice');
    output.push(...tokens);
    text = [...kept, ...tokens];
  }
  return { output, droppedTokens };
}

test('the output after a slide equals a new request with the kept tokens', async () => {
  const options = { contextMax, prefillChunkTokens: 16, blockTokens: 8 };
  const fresh = await startFixture(place, options, { prefixCaching: false });
  const draft = { model: await openModel(`${fixturesDirectory}/llama-3/q8_0.gguf`), tokens: 3 };
  const engines = [await startFixture(place, options), await startFixture(place, options, { draft })];
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 - 1 }), async (seed) => {
      const random = seededRandom(seed);
      const prompt = Array.from({ length: randomInteger(random, 1, 200) }, () =>
        randomInteger(random, 3, 300),
      );
      const overflow = { keepTokens: randomInteger(random, 0, Math.min(33, prompt.length + 1)) };
      const maxTokens = randomInteger(random, 1, 160);
      const request = { prompt, maxTokens, ignoreEnd: true, sampling: greedy, overflow };
      const expected = await inFreshRuns(fresh, request);
      for (const engine of engines) {
        const { choices, promptTokens } = await engine.generate(request);
        expect(promptTokens).toBe(prompt.length);
        expect(choices[0]?.tokens).toEqual(expected.output);
        expect(choices[0]?.droppedTokens ?? 0).toBe(expected.droppedTokens);
        engine.checkIntegrity();
        expect(engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
      }
    }),
    { numRuns: 12 },
  );
  for (const engine of [fresh, ...engines]) await engine.close();
});

test('choices slide independently, and equal separate requests', async () => {
  const engine = await startFixture(place, { contextMax });
  const request = { prompt: [5, 6, 7], maxTokens: 100, ignoreEnd: true, overflow: { keepTokens: 1 } };
  const { choices } = await engine.generate({ ...request, choices: 3, sampling: { seed: 4 } });
  for (const [index, { tokens, end }] of choices.entries()) {
    const alone = await engine.generate({ ...request, sampling: { seed: 4 + index } });
    expect(tokens).toEqual(alone.choices[0]?.tokens);
    expect([tokens.length, end]).toEqual([100, 'length']);
  }
  await engine.close();
});

test('without a limit it continues until the reader stops; too many kept tokens are refused', async () => {
  const engine = await startFixture(place, { contextMax });
  const request = { prompt: [5, 6, 7], ignoreEnd: true, sampling: greedy };
  let tokens = 0;
  for await (const piece of engine.generateStream({ ...request, overflow: { keepTokens: 2 } })) {
    if (piece.token !== null && ++tokens === 300) break;
  }
  expect(engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
  engine.checkIntegrity();
  for (const keepTokens of [33, -1, 1.5]) {
    const refused = engine.generate({ ...request, overflow: { keepTokens } });
    await expect(refused).rejects.toMatchObject({ code: 'bad-keep-tokens', value: keepTokens, limit: 32 });
  }
  await engine.close();
});
