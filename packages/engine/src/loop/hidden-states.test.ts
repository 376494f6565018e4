/**
 * Hidden states of requests: the same bits for any chunks, batches, drafts and preemptions, never from a cached prefix,
 * within the planned bytes.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import type { HiddenStates } from '../request/hidden-states.ts';
import type { HiddenLayer } from '../request/live-sequence.ts';
import { startFixture } from './fixture-engine.test-data.ts';

const place = { name: 'llama-3', file: 'q8_0.gguf' };
const layers: readonly HiddenLayer[] = [-1, 0, 1, 'final'];
const maxTokens = 24;
const sizes = { contextMax: 160, kvFormat: 'fp16', hiddenStatesBytes: 2 ** 20 } as const;
/** Prompts with one beginning; a period of 11 tokens lets prompt lookup find drafts. */
const prompts = [20, 41, 75, 120].map((length, index) =>
  Array.from({ length }, (_, token) => (token < 16 ? 7 : 5 + (((token % 11) * 37 + index * 11) % 250))),
);

interface Answer {
  readonly tokens: readonly number[];
  readonly states: readonly Float32Array[];
}

async function answer(engine: Engine, prompt: readonly number[], promptLookup = false): Promise<Answer> {
  const promptTokens = prompt.length;
  const states = engine.openHiddenStates({ layers, positions: 'all', promptTokens, maxTokens });
  try {
    const { choices, usage } = await engine.generate({
      ...{ prompt, maxTokens, ignoreEnd: true, capture: states },
      ...(promptLookup && { promptLookup: { draftTokensMax: 5, matchTokensMin: 1 } }),
      sampling: { temperature: 0 },
    });
    expect(usage.cachedTokens).toBe(0);
    return { tokens: choices[0]?.tokens ?? [], states: copies(states) };
  } finally {
    states.release();
  }
}

function copies(states: HiddenStates): readonly Float32Array[] {
  return layers.map((layer) => states.rows(layer, states.start, states.end).slice());
}

test('alone, in chunks, in a batch, with drafts and on a used cache: the same bits', async () => {
  const plain = await startFixture(place, { ...sizes, sequencesMax: 1, prefillChunkTokens: 160 });
  const expected: Answer[] = [];
  for (const prompt of prompts) expected.push(await answer(plain, prompt));
  const width = plain.model.graph.hiddenSize;
  for (const rows of expected.flatMap(({ states }) => states)) {
    for (let start = 0; start < rows.length; start += width) {
      expect(rows.subarray(start, start + width).some((value) => value !== 0)).toBe(true);
    }
  }
  await plain.close();
  const engine = await startFixture(place, { ...sizes, sequencesMax: 4, prefillChunkTokens: 13, threads: 2 });
  for (const promptLookup of [false, true]) {
    expect(await Promise.all(prompts.map((prompt) => answer(engine, prompt, promptLookup)))).toEqual(
      expected,
    );
  }
  expect(engine.metrics.acceptedTokens).toBeGreaterThan(0);
  expect(engine.hiddenStatesHeldBytes).toBe(0);
  engine.checkIntegrity();
  await engine.close();
});

test('sequences that lose their blocks capture the same bits again', async () => {
  const short = prompts.map((prompt) => prompt.slice(0, 41));
  const roomy = await startFixture(place, { ...sizes, sequencesMax: 4 });
  const expected = await Promise.all(short.map((prompt) => answer(roomy, prompt)));
  await roomy.close();
  const tight = await startFixture(place, { ...sizes, sequencesMax: 4, kvShare: 0, prefillChunkTokens: 13 });
  // After an answer of two tokens the engine expects short answers, and admits more sequences than can finish.
  await tight.generate({ prompt: [5, 6, 7], maxTokens: 2, ignoreEnd: true });
  expect(await Promise.all(short.map((prompt) => answer(tight, prompt)))).toEqual(expected);
  expect(tight.metrics.preemptions).toBeGreaterThan(0);
  await tight.close();
});

test('the last positions are captured on a cached prefix, and equal those of the whole', async () => {
  const engine = await startFixture(place, { ...sizes, sequencesMax: 2 });
  const prompt = prompts[3] ?? [];
  const whole = await answer(engine, prompt);
  const states = engine.openHiddenStates({
    ...{ layers, positions: 'last', promptTokens: prompt.length, maxTokens },
  } as const);
  const { usage } = await engine.generate({
    ...{ prompt, maxTokens, ignoreEnd: true, capture: states },
    sampling: { temperature: 0 },
  });
  expect(usage.cachedTokens).toBe(112);
  expect(states.start).toBe(prompt.length - 1);
  const width = states.hiddenSize;
  expect(copies(states)).toEqual(whole.states.map((rows) => rows.slice(states.start * width)));
  states.release();
  await engine.close();
});

function codeOf(attempt: () => unknown): string {
  try {
    attempt();
    return 'accepted';
  } catch (error) {
    return error instanceof PlimsollError ? error.code : String(error);
  }
}

test('refused: unknown layers, several choices, a sliding context, more bytes than planned or left', async () => {
  const engine = await startFixture(place, { ...sizes, hiddenStatesBytes: 20_000 });
  const [prompt = []] = prompts;
  const request = { layers, positions: 'all', promptTokens: prompt.length, maxTokens: 1 } as const;
  expect(codeOf(() => engine.openHiddenStates({ ...request, layers: [99] }))).toBe('bad-hidden-layer');
  expect(codeOf(() => engine.openHiddenStates({ ...request, maxTokens: 100 }))).toBe('over-hidden-states');
  const states = engine.openHiddenStates({ ...request, layers: ['final'] });
  expect(states.byteLength).toBe(prompt.length * engine.model.graph.hiddenSize * 4);
  expect(engine.hiddenStatesHeldBytes).toBe(states.byteLength);
  const others: HiddenStates[] = [];
  const code = codeOf(() => {
    for (;;) others.push(engine.openHiddenStates({ ...request, layers: ['final'] }));
  });
  expect(code).toBe('hidden-states-busy');
  const capture = states;
  expect(codeOf(() => engine.submit({ prompt, capture, choices: 2 }))).toBe('bad-capture');
  expect(codeOf(() => engine.submit({ prompt, capture, overflow: { keepTokens: 4 } }))).toBe('bad-capture');
  const unknown = { layers: new Set([2.5]), take: () => undefined };
  expect(codeOf(() => engine.submit({ prompt, capture: unknown }))).toBe('bad-hidden-layer');
  for (const other of [states, ...others]) other.release();
  expect(engine.hiddenStatesHeldBytes).toBe(0);
  const entry = engine.ledger().entries.find(({ tag }) => tag === 'hidden states');
  expect(entry).toMatchObject({ category: 'features', tier: 'host', bytes: 20_000 });
  await engine.close();
});
