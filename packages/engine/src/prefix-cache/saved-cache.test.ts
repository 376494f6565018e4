/** The prefix cache on disk: a new engine continues as the old one, and damaged or foreign files change nothing. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { afterAll, expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import { openModel } from '../load/open-model.ts';
import { fixturesDirectory, startFixture } from '../loop/fixture-engine.test-data.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-cache-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const sizes = { contextMax: 320, kvFormat: 'fp16', sequencesMax: 2 } as const;
const prompts = [70, 133, 200].map((length, index) =>
  Array.from({ length }, (_, token) => 5 + ((token * 37 + index * 11) % 250)),
);

interface Answer {
  readonly tokens: readonly number[];
  readonly logprobs: unknown;
  readonly cachedTokens: number;
}

async function answer(engine: Engine, prompt: readonly number[]): Promise<Answer> {
  const request = { prompt, maxTokens: 20, ignoreEnd: true, sampling: { temperature: 0, logprobs: 2 } };
  const { choices, usage } = await engine.generate(request);
  const [{ tokens, logprobs } = { tokens: [], logprobs: [] }] = choices;
  return { tokens, logprobs, cachedTokens: usage.cachedTokens };
}

async function answers(engine: Engine): Promise<readonly Answer[]> {
  const all: Answer[] = [];
  // The latest prompt first: the pool of a window may hold its last window alone.
  for (const prompt of prompts.toReversed()) all.push(await answer(engine, prompt));
  return all;
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'accepted';
  } catch (error) {
    return error instanceof PlimsollError ? error.code : String(error);
  }
}

test.each([
  { name: 'llama-3', file: 'q8_0.gguf' },
  { name: 'gemma2', file: 'f32.gguf' },
  { name: 'qwen3moe', file: 'f16.gguf' },
])('$name $file: a new engine answers from the file as the old engine from its memory', async (place) => {
  const path = join(scratch, `${place.name}.cache`);
  const before = await startFixture(place, sizes);
  for (const prompt of prompts) await answer(before, prompt);
  const saved = await before.savePrefixCache(path);
  expect(statSync(path).size).toBe(saved.fileBytes);
  expect(statSync(path).mode & 0o077).toBe(0);
  const warm = await answers(before);
  expect(warm[0]?.cachedTokens).toBeGreaterThan(0);
  await before.close();
  const after = await startFixture(place, sizes);
  expect(await after.loadPrefixCache(path)).toEqual({ blocks: saved.blocks, droppedBlocks: 0 });
  after.checkIntegrity();
  expect(await answers(after)).toEqual(warm);
  after.checkIntegrity();
  await after.close();
});

test('with a draft model its blocks are saved too', async () => {
  const place = { name: 'llama-3', file: 'q8_0.gguf' };
  const start = async (): Promise<Engine> => {
    const model = await openModel(join(fixturesDirectory, 'llama-3/q4_0.gguf'));
    return startFixture(place, sizes, { draft: { model, tokens: 3 } });
  };
  const path = join(scratch, 'draft.cache');
  const before = await start();
  await answers(before);
  const warm = await answers(before);
  await before.savePrefixCache(path);
  await before.close();
  const after = await start();
  await after.loadPrefixCache(path);
  expect(await answers(after)).toEqual(warm);
  // A draft that reads its own cache proposes what it proposed before.
  expect(after.metrics.acceptedTokens).toBeGreaterThan(0);
  await after.close();
  const plain = await startFixture(place, sizes);
  expect(await codeOf(plain.loadPrefixCache(path))).toBe('prefix-cache-mismatch');
  await plain.close();
});

test('a save while requests run and evict blocks gives a file whose blocks are right', async () => {
  const place = { name: 'llama-3', file: 'q8_0.gguf' };
  const path = join(scratch, 'busy.cache');
  const engine = await startFixture(place, { ...sizes, kvShare: 0 });
  const plain = await startFixture(place, sizes, { prefixCaching: false });
  for (let round = 0; round < 6; round++) {
    const others = prompts.map((prompt) => answer(engine, [...prompt, 9, round]));
    const saves = [engine.savePrefixCache(path)];
    await Promise.all([...others, ...saves]);
    const after = await startFixture(place, sizes);
    await after.loadPrefixCache(path);
    after.checkIntegrity();
    for (const prompt of prompts) {
      const { tokens } = await answer(after, [...prompt, 9, round]);
      expect(tokens).toEqual((await answer(plain, [...prompt, 9, round])).tokens);
    }
    await after.close();
  }
  await Promise.all([engine.close(), plain.close()]);
});

test('no file, damaged files, other weights, formats or blocks: one code, and an empty cache that works', async () => {
  const place = { name: 'llama-3', file: 'q8_0.gguf' };
  const path = join(scratch, 'whole.cache');
  const before = await startFixture(place, sizes);
  await answers(before);
  await before.savePrefixCache(path);
  const whole = readFileSync(path);
  expect(await codeOf(before.savePrefixCache(join(scratch, 'no-such-folder/file')))).toBe(
    'prefix-cache-unsaved',
  );
  await before.close();
  const others: readonly [Parameters<typeof startFixture>[0], object][] = [
    [{ name: 'llama-3', file: 'q4_0.gguf' }, {}],
    [place, { kvFormat: 'q8_0' }],
    [place, { blockTokens: 32 }],
  ];
  for (const [other, options] of others) {
    const engine = await startFixture(other, { ...sizes, ...options });
    expect(await codeOf(engine.loadPrefixCache(path))).toBe('prefix-cache-mismatch');
    expect(engine.occupancy.every(({ cached, owned }) => cached + owned === 0)).toBe(true);
    await engine.close();
  }
  const engine = await startFixture(place, sizes);
  expect(await engine.loadPrefixCache(join(scratch, 'none.cache'))).toBeNull();
  const damaged = join(scratch, 'damaged.cache');
  for (let share = 0; share < 1; share += 0.07) {
    const at = Math.floor(share * whole.length);
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] ?? 0) ^ 4;
    for (const bytes of [whole.subarray(0, at), flipped]) {
      writeFileSync(damaged, bytes);
      expect(await codeOf(engine.loadPrefixCache(damaged)), `byte ${at}`).toBe('prefix-cache-torn');
    }
  }
  expect((await answer(engine, prompts[0] ?? [])).cachedTokens).toBe(0);
  engine.checkIntegrity();
  await engine.close();
});
