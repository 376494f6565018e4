import { afterAll, beforeAll, expect, test } from 'vitest';
import { PlimsollTarget } from './plimsoll-target.ts';
import { identity, largestDistance, observed, plan, prompts, startEngine } from './targets.test-data.ts';
import { checkWanted, joinLayers, usualLayers } from './wanted-states.ts';

let target: PlimsollTarget;
let engine: Awaited<ReturnType<typeof startEngine>>;

beforeAll(async () => {
  engine = await startEngine();
  target = new PlimsollTarget(engine, identity);
});
afterAll(() => target.close());

test('the states are those that the engine computes, layer by layer', async () => {
  const outcomes = await target.capture(prompts, plan);
  for (const [index, prompt] of prompts.entries()) {
    const outcome = outcomes[index];
    if (outcome?.kind !== 'captured') throw new Error(JSON.stringify(outcome));
    const layers = await Promise.all(plan.layerIds.map((layer) => observed(engine, prompt, layer)));
    const joined = joinLayers(layers, target.hiddenSize);
    expect(
      largestDistance(outcome.states.layers ?? new Float32Array(), joined ?? new Float32Array()),
    ).toBeLessThan(1e-5);
    const final = await observed(engine, prompt, 'final');
    expect(largestDistance(outcome.states.final ?? new Float32Array(), final)).toBeLessThan(1e-5);
  }
  expect(engine.hiddenStatesHeldBytes).toBe(0);
});

test('a prompt that is too long fails alone', async () => {
  const long = Array.from({ length: 500 }, () => 7);
  const outcomes = await target.capture([prompts[0] ?? [], long, prompts[1] ?? []], plan);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['captured', 'failed', 'captured']);
  expect(outcomes[1]).toMatchObject({ isRetryable: false });
});

test('layers that the target lacks are refused before any prompt', () => {
  const wanted = (layerIds: readonly number[], hasFinal = true) => ({ layerIds, hasFinal });
  expect(() => checkWanted(target, wanted([0, 1]))).not.toThrow();
  expect(() => checkWanted(target, wanted([0, 99]))).toThrow(/cannot be captured/);
  expect(() => checkWanted(target, wanted([1, 1]))).toThrow(/cannot be captured/);
  expect(() => checkWanted(target, wanted([], false))).toThrow(/\(none\)/);
  expect(usualLayers(32)).toEqual([1, 15, 28]);
  expect(() => usualLayers(4)).toThrow(/no early, middle and late layer/);
});

test('greedy answers repeat, and seeds change sampled ones', async () => {
  const prompt = prompts[1] ?? [];
  const answer = (temperature: number, seed: number) =>
    target.answer({ prompt, tokensMax: 12, temperature, seed }).then(({ text }) => text);
  expect(await answer(0, 1)).toBe(await answer(0, 2));
  expect(await answer(1, 1)).toBe(await answer(1, 1));
  expect(await answer(1, 1)).not.toBe(await answer(1, 2));
});
