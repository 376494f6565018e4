import { join } from 'node:path';
import { defined } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import { fixturesDirectory } from '../loop/fixture-engine.test-data.ts';
import { createEngine } from '../start/create-engine.ts';
import { openModel } from './open-model.ts';
import { readTable } from './read-table.ts';

test.each(['f32', 'f16', 'q8_0', 'q5_1'])(
  '%s: the embedding has the bits that the kernels read',
  async (format) => {
    const model = await openModel(join(fixturesDirectory, `llama-3/${format}.gguf`));
    const { vocabSize, hiddenSize } = model.graph;
    const engine = await createEngine({
      model,
      memoryBytes: 512 * 1024 ** 2,
      tokenizer: null,
      options: { sequencesMax: 1, contextMax: 512, threads: 1 },
    });
    const expected = new Float32Array(vocabSize * hiddenSize);
    const tokens = Array.from({ length: vocabSize }, (_, token) => token);
    // Layer -1 is the embedding.
    await engine.observe(tokens, {
      capture: { layers: new Set([-1]), take: (_, start, rows) => expected.set(rows, start * hiddenSize) },
    });
    await engine.close();
    const table = await readTable(model, 'token_embd.weight');
    expect(Buffer.from(table.buffer).equals(Buffer.from(expected.buffer))).toBe(true);
    expect(Math.max(...table)).toBeGreaterThan(0);
  },
);

test('a type that no kernel reads is refused with the types that are read', async () => {
  const model = await openModel(join(fixturesDirectory, 'llama-3/f32.gguf'));
  const openWeights = async () => {
    const source = await model.openWeights();
    const tensor = (address: Parameters<typeof source.tensor>[0]) => ({
      ...source.tensor(address),
      type: 'IQ2_XXS',
    });
    return { files: source.files, tensor, close: () => source.close() };
  };
  const read = readTable({ ...model, openWeights }, 'token_embd.weight');
  await expect(read).rejects.toMatchObject({ code: 'unread-table', value: 'IQ2_XXS' });
  expect(defined((await read.catch((error) => error)) as { limit: string }, 'an error').limit).toContain(
    'Q8_0',
  );
});
