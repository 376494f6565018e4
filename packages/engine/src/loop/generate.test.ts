/** The life of a request: its normal end, its early end, and the memory afterwards. */
import { join } from 'node:path';
import { defined, PlimsollError } from '@plimsoll/foundation';
import { diffLedgers, formatDifference } from '@plimsoll/planner/ledger';
import { grammarFromJsonSchema } from '@plimsoll/text/grammar';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import { openModel } from '../load/open-model.ts';
import type { GenerationPiece } from '../request/generation.ts';
import { fixturesDirectory, startFixture, steps } from './fixture-engine.test-data.ts';

const place = { name: 'llama-bias', file: 'f32.gguf' };
const prompt = [1, 72, 101, 108, 108, 111, 44, 32, 119, 111];
const greedy = { temperature: 0 };

let engine: Engine;
beforeAll(async () => {
  const model = await openModel(join(fixturesDirectory, place.name, place.file));
  engine = await startFixture(place, {}, { tokenizer: await model.loadTokenizer() });
});
afterAll(() => engine.close());

function ownedBlocks(): number {
  return engine.occupancy.reduce((sum, { owned }) => sum + owned, 0);
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('an error was expected'),
    (error: unknown) => error,
  );
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await errorOf(promise);
  expect(error).toBeInstanceOf(PlimsollError);
  return error instanceof PlimsollError ? error.code : '';
}

test('the stream gives the answer in pieces, and the last piece has the reason of the end', async () => {
  const request = { prompt, maxTokens: 12, ignoreEnd: true, sampling: greedy };
  const pieces: GenerationPiece[] = [];
  for await (const piece of engine.generateStream(request)) pieces.push(piece);
  const { choices, promptTokens } = await engine.generate(request);
  expect(promptTokens).toBe(prompt.length);
  expect(pieces.map(({ text }) => text).join('')).toBe(choices[0]?.text);
  expect(pieces.flatMap(({ token }) => (token === null ? [] : [token]))).toEqual(choices[0]?.tokens);
  expect(pieces.map(({ end }) => end)).toEqual([...new Array(12).fill(null), 'length']);
  expect(ownedBlocks()).toBe(0);
});

test('an end token ends the choice, and is neither text nor output', async () => {
  const [end] = defined(engine.tokenizer, 'a tokenizer').specialTokens.endOfGeneration;
  const sampling = { ...greedy, logitBias: new Map([[defined(end, 'an end token'), 1000]]) };
  const { choices } = await engine.generate({ prompt, sampling });
  expect(choices).toEqual([{ text: '', tokens: [], logprobs: [], end: 'stop' }]);
});

test('a stop string ends the choice, even across tokens, and is not part of the text', async () => {
  const request = { prompt, maxTokens: 40, ignoreEnd: true, sampling: greedy };
  const text = (await engine.generate(request)).choices[0]?.text ?? '';
  expect(text.length).toBeGreaterThan(10);
  for (let at = 3; at + 4 < text.length; at += 5) {
    const stop = text.slice(at, at + 4);
    const { choices } = await engine.generate({ ...request, stop: ['never seen', stop] });
    expect(choices[0]).toMatchObject({ text: text.slice(0, text.indexOf(stop)), end: 'stop' });
  }
  expect(ownedBlocks()).toBe(0);
});

test('choices of one prompt equal single requests with consecutive seeds', async () => {
  const request = { prompt, maxTokens: 10, ignoreEnd: true };
  const together = await engine.generate({ ...request, choices: 4, sampling: { seed: 7 } });
  for (const [choice, { tokens }] of together.choices.entries()) {
    const alone = await engine.generate({ ...request, sampling: { seed: 7 + choice } });
    expect(tokens).toEqual(alone.choices[0]?.tokens);
  }
  expect(new Set(together.choices.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(1);
});

test('an abort frees the blocks before the promise settles, and does not affect other requests', async () => {
  const request = { prompt, maxTokens: 100, ignoreEnd: true, sampling: greedy };
  const expected = await engine.generate(request);
  const controller = new AbortController();
  const other = engine.generate(request);
  const doomed = engine.generate({ ...request, prompt: [...prompt, 40, 41], signal: controller.signal });
  await steps(engine, 10);
  const both = ownedBlocks();
  controller.abort(new Error('enough'));
  // The blocks are free at once, not only when the loop wakes up.
  expect(ownedBlocks()).toBeLessThan(both);
  expect(await errorOf(doomed)).toEqual(new Error('enough'));
  engine.checkIntegrity();
  expect((await other).choices).toEqual(expected.choices);
  expect(ownedBlocks()).toBe(0);
  expect(await errorOf(engine.generate({ ...request, signal: controller.signal }))).toEqual(
    new Error('enough'),
  );
});

test('a step stops in the middle when all its requests are cancelled, and continues while one is live', async () => {
  const long = Array.from({ length: 200 }, (_, index) => 3 + ((index * 7) % 300));
  const slow = await startFixture(place, { prefillChunkTokens: 256 }, { turnMultiplyAdds: 1 });
  const started = (): Promise<unknown> =>
    new Promise((resolve) => {
      setImmediate(() => setImmediate(resolve));
    });
  const request = { prompt: long, maxTokens: 3, ignoreEnd: true, sampling: greedy };
  const controller = new AbortController();
  const doomed = errorOf(slow.generate({ ...request, signal: controller.signal }));
  await started();
  // The step has started and is not complete.
  expect(slow.metrics).toMatchObject({ steps: 1, prefillTokens: 200, outputTokens: 0 });
  controller.abort(new Error('enough'));
  expect(slow.occupancy.every(({ owned }) => owned === 0)).toBe(true);
  slow.checkIntegrity();
  expect(await doomed).toEqual(new Error('enough'));
  // The engine kept nothing of the step, so the next request finds no incomplete blocks.
  const expected = (await engine.generate(request)).choices[0]?.tokens;
  const answer = slow.generate(request);
  const other = errorOf(slow.generate({ ...request, signal: AbortSignal.timeout(1) }));
  expect((await answer).choices[0]?.tokens).toEqual(expected);
  await other;
  slow.checkIntegrity();
  const last = errorOf(slow.generate({ ...request, prompt: long.toReversed() }));
  await started();
  await slow.close();
  expect(await last).toMatchObject({ code: 'engine-closed' });
});

test('a reader that stops early frees the blocks', async () => {
  for await (const piece of engine.generateStream({ prompt, maxTokens: 100, ignoreEnd: true, choices: 2 })) {
    expect(ownedBlocks()).toBeGreaterThan(0);
    if (piece.choice === 1) break;
  }
  expect(ownedBlocks()).toBe(0);
  engine.checkIntegrity();
});

test('refuses requests that it cannot serve, with the limit', async () => {
  const long = new Array<number>(250).fill(40);
  const overflow = await errorOf(engine.generate({ prompt: long, maxTokens: 20 }));
  expect(overflow).toMatchObject({ code: 'context-overflow', value: 270, limit: 256 });
  expect(await codeOf(engine.generate({ prompt: new Array<number>(256).fill(40) }))).toBe('context-overflow');
  expect(await codeOf(engine.generate({ prompt: [] }))).toBe('empty-prompt');
  expect(await codeOf(engine.generate({ prompt: [1, 5000] }))).toBe('bad-token');
  expect(await codeOf(engine.generate({ prompt, choices: 5 }))).toBe('bad-choices');
  expect(await codeOf(engine.generate({ prompt, sampling: { temperature: -1 } }))).toBe('sampler-parameter');
  engine.checkIntegrity();
  expect(ownedBlocks()).toBe(0);
});

test('encodes text with the tokenizer of the model; without a tokenizer refuses text', async () => {
  const { promptTokens } = await engine.generate({ prompt: 'The ship', maxTokens: 1 });
  expect(promptTokens).toBe(engine.tokenizer?.encode('The ship').length);
  const mute = await startFixture(place);
  expect(await codeOf(mute.generate({ prompt: 'The ship' }))).toBe('no-tokenizer');
  await mute.close();
});

test('values that are not finite end only their request, and the error names the layer', async () => {
  const broken = await startFixture(place, { sequencesMax: 2 });
  const region = broken.memory.region('blk 1 ffn_norm.weight');
  const memory = broken.memory.vram.memory(region.arena);
  const weights = new Float32Array(memory.buffer, region.offset, 4);
  const sound = weights.slice();
  weights[2] = Number.NaN;
  const request = { prompt, maxTokens: 5, ignoreEnd: true, sampling: greedy };
  expect(await errorOf(broken.generate(request))).toMatchObject({
    code: 'logits-not-finite',
    message: 'layer 1 gave numbers that are not finite, so there is no next token',
  });
  broken.checkIntegrity();
  expect(broken.occupancy.every(({ owned }) => owned === 0)).toBe(true);
  weights.set(sound);
  // Another prompt, because the prefix cache holds the broken blocks of the first prompt.
  const later = { ...request, prompt: [1, ...prompt] };
  const [answer, expected] = [await broken.generate(later), await engine.generate(later)];
  expect(answer.choices[0]?.tokens).toEqual(expected.choices[0]?.tokens);
  await broken.close();
});

test('the engine holds exactly the planned bytes; close frees everything and ends running requests', async () => {
  const other = await startFixture(place, { threads: 2 });
  const plan = defined(other.memory.adoptedPlan, 'an engine has a plan');
  expect(diffLedgers(plan.ledger, other.ledger()).map(formatDifference)).toEqual([]);
  const running = errorOf(other.generate({ prompt, maxTokens: 100, ignoreEnd: true }));
  await steps(other, 1);
  await other.close();
  expect(await running).toMatchObject({ code: 'engine-closed' });
  expect(other.ledger().entries).toEqual([]);
  expect(await codeOf(other.generate({ prompt }))).toBe('engine-closed');
  await other.close();
});

test('the output conforms to a JSON schema, whatever the logits are', async () => {
  const grammar = grammarFromJsonSchema({
    type: 'object',
    properties: { draught: { type: 'integer', minimum: 0 }, name: { type: 'string', maxLength: 12 } },
    required: ['draught', 'name'],
    additionalProperties: false,
  });
  for (const seed of [1, 2, 3]) {
    const sampling = { temperature: 1.5, topK: 0, topP: 1, minP: 0, seed };
    const request = { prompt, maxTokens: 90, choices: 2, grammar, sampling, promptLookup: true };
    const { choices } = await engine.generate(request);
    for (const { text, end } of choices) {
      expect(end).toBe('stop');
      const { draught, name } = JSON.parse(text);
      expect(Number.isInteger(draught) && typeof name === 'string').toBe(true);
    }
  }
  expect(await codeOf(engine.generate({ prompt, maxTokens: 3, grammar }))).toBe('grammar-budget-too-small');
  engine.checkIntegrity();
  expect(ownedBlocks()).toBe(0);
});
