/** Overrides reach only their model, through its graph. */
import { join } from 'node:path';
import { MiB, PlimsollError } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { openModel } from '../load/open-model.ts';
import { fixturesDirectory, smallOptions } from '../loop/fixture-engine.test-data.ts';
import type { ModelOverrides } from '../memory/model-config.ts';
import { createEngine } from '../start/create-engine.ts';

async function refusal(file: string, overrides: ModelOverrides): Promise<PlimsollError> {
  const error: unknown = await openModel(join(fixturesDirectory, file), { overrides }).catch(
    (reason: unknown) => reason,
  );
  if (error instanceof PlimsollError) return error;
  return expect.unreachable(`${file} took overrides of ${overrides.architecture}`);
}

test('refuses overrides for another architecture, for both kinds of files', async () => {
  const cases: readonly (readonly [string, ModelOverrides['architecture'], string])[] = [
    ['llama-3/f16.gguf', 'gemma2', 'llama'],
    ['llama-3/checkpoint', 'qwen3', 'llama'],
    ['mixtral/f16.gguf', 'llama', 'mixtral'],
    ['llama-3/f16.gguf', 'mixtral', 'llama'],
    ['qwen3moe/f16.gguf', 'qwen3', 'qwen3moe'],
    ['gemma3/bf16.gguf', 'gemma2', 'gemma3'],
  ];
  for (const [file, asked, own] of cases) {
    const { code, value, limit } = await refusal(file, { architecture: asked });
    expect({ code, value, limit }, file).toEqual({
      code: 'override-of-another-architecture',
      value: asked,
      limit: own,
    });
    await openModel(join(fixturesDirectory, file), { overrides: { architecture: own } as ModelOverrides });
  }
});

/** Logits of a prompt, one row per token, computed in chunks of the given size. */
async function logitsOf(overrides: ModelOverrides | undefined, chunkTokens: number): Promise<Float32Array> {
  const model = await openModel(join(fixturesDirectory, 'llama-3', 'f16.gguf'), {
    ...(overrides !== undefined && { overrides }),
  });
  const options = { ...smallOptions, prefillChunkTokens: chunkTokens };
  const engine = await createEngine({ model, memoryBytes: 512 * MiB, tokenizer: null, options });
  const rows: number[] = [];
  const prompt = Array.from({ length: 24 }, (_, index) => 3 + ((index * 41) % 250));
  await engine.observe(prompt, { score: (_, row) => rows.push(...row) });
  await engine.close();
  return Float32Array.from(rows);
}

test('forceMatVec gives a prompt the logits of single tokens, only in the model that asks for it', async () => {
  const forced = await logitsOf({ architecture: 'llama', forceMatVec: true }, 24);
  const together = await logitsOf(undefined, 24);
  const oneByOne = await logitsOf(undefined, 1);
  expect(forced.length).toBe(together.length);
  let [largest, changed] = [0, 0];
  forced.forEach((value, index) => {
    const distance = Math.abs(value - (together[index] ?? Number.NaN));
    if (!(distance <= largest)) largest = distance;
    changed += Number(distance > 0);
  });
  expect(largest).toBeLessThan(1e-4);
  expect(changed).toBeGreaterThan(forced.length / 10);
  expect(forced).toEqual(oneByOne);
});
