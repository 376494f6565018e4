/**
 * Compares the engine with another implementation: logits and hidden states of small random models of every family,
 * from GGUF and from safetensors, with prompts in chunks. With an f32 cache both implementations round the same values,
 * so the tolerance covers only the order of sums. Each trait of a model moves logits by far more.
 */
import { join } from 'node:path';
import { defined } from '@plimsoll/foundation';
import { expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import { type ReferenceFixture, type ReferenceMeaning, readReferenceFixture } from '../reference-fixtures.ts';
import { meanLoss } from '../reference-loss.ts';
import type { HiddenLayer } from '../request/live-sequence.ts';
import { fixtureNames, fixturesDirectory, startFixture } from './fixture-engine.test-data.ts';

const exactTolerance = 1e-4;
const exactFiles = /^(checkpoint|(f32|f16|bf16)\.gguf)$/;

interface Case {
  readonly fixture: ReferenceFixture;
  readonly meaning: ReferenceMeaning;
  readonly name: string;
  readonly file: string;
}

const cases: Case[] = [];
for (const name of fixtureNames()) {
  const fixture = await readReferenceFixture(join(fixturesDirectory, name));
  for (const meaning of Object.values(fixture.meanings)) {
    for (const file of meaning.files) cases.push({ fixture, meaning, name, file });
  }
}

/** Context at which LongRoPE changes its factors. Beyond it the other implementation treats the whole text as long. */
function contextsOf({
  name,
}: Case): readonly { readonly contextMax: number; readonly isFor: (length: number) => boolean }[] {
  if (name !== 'phi3-longrope') return [{ contextMax: 256, isFor: () => true }];
  return [
    { contextMax: 128, isFor: (length) => length <= 64 },
    { contextMax: 256, isFor: (length) => length > 128 },
  ];
}

/** Largest difference between the rows at `positions` and an array of the fixture. */
function distanceFrom(fixture: ReferenceFixture, arrayName: string, positions: readonly number[]) {
  const { values, shape } = defined(fixture.arrays.get(arrayName), `the fixture has ${arrayName}`);
  const width = defined(shape[1], 'rows have a width');
  const seen = new Set<number>();
  let largest = 0;
  return {
    take(position: number, row: Float32Array): void {
      const index = positions.indexOf(position);
      if (index < 0) return;
      seen.add(position);
      for (let column = 0; column < width; column++) {
        const distance = Math.abs((row[column] ?? Number.NaN) - (values[index * width + column] ?? 0));
        // NaN counts as larger than any tolerance.
        if (!(distance <= largest)) largest = distance;
      }
    },
    result(): number {
      expect([...seen].sort((a, b) => a - b)).toEqual([...positions]);
      return largest;
    },
  };
}

async function logitsDistance(engine: Engine, { fixture, meaning }: Case, prompt: string): Promise<number> {
  const answer = defined(meaning.prompts[prompt], 'the prompt has an answer');
  const distance = distanceFrom(fixture, answer.logits['kv-f32'], answer.positions);
  const tokens = defined(fixture.prompts[prompt], 'the prompt has tokens');
  await engine.observe(tokens, { score: (position, logits) => distance.take(position, logits) });
  return distance.result();
}

const exactCases = cases.filter(({ file }) => exactFiles.test(file));

test.each(exactCases.map((one) => [`${one.name} ${one.file}`, one] as const))(
  '%s: logits',
  async (_, one) => {
    for (const { contextMax, isFor } of contextsOf(one)) {
      const engine = await startFixture(one, { contextMax });
      try {
        for (const [prompt, tokens] of Object.entries(one.fixture.prompts)) {
          if (!isFor(tokens.length) || one.meaning.prompts[prompt] === undefined) continue;
          const distance = await logitsDistance(engine, one, prompt);
          expect(distance, `${prompt}, kernels ${engine.kernelPath}`).toBeLessThanOrEqual(exactTolerance);
        }
        engine.checkIntegrity();
      } finally {
        await engine.close();
      }
    }
  },
);

test.each(exactCases.map((one) => [`${one.name} ${one.file}`, one] as const))(
  '%s: 64 greedy tokens',
  async (_, one) => {
    const { prompt: name, tokens: expected } = one.meaning.greedy;
    const prompt = defined(one.fixture.prompts[name], 'the prompt has tokens');
    const context = defined(
      contextsOf(one).find(({ isFor }) => isFor(prompt.length)),
      'the prompt has a context',
    );
    const engine = await startFixture(one, { contextMax: context.contextMax });
    try {
      const { choices } = await engine.generate({
        prompt,
        maxTokens: expected.length,
        ignoreEnd: true,
        sampling: { temperature: 0 },
      });
      expect(choices[0]?.tokens).toEqual(expected);
    } finally {
      await engine.close();
    }
  },
);

test('reference kernels in plain TypeScript give the same logits', async () => {
  for (const name of ['llama-3', 'gemma2', 'qwen3moe', 'gemma4-layer-inputs', 'gemma4-experts']) {
    const one = defined(
      exactCases.find((candidate) => candidate.name === name && candidate.file !== 'checkpoint'),
      `there is a case ${name}`,
    );
    const engine = await startFixture(one, {}, { kernels: 'reference' });
    expect(engine.kernelPath).toBe('reference');
    expect(await logitsDistance(engine, one, 'short'), name).toBeLessThanOrEqual(exactTolerance);
    await engine.close();
  }
});

test('hidden states of every layer', async () => {
  let [layersCompared, finalsCompared] = [0, 0];
  for (const one of exactCases.filter(({ file }) => file === 'checkpoint')) {
    const engine = await startFixture(one);
    for (const [prompt, { positions, hidden }] of Object.entries(one.meaning.prompts)) {
      const names = Object.keys(hidden ?? {});
      if (names.length === 0) continue;
      const distances = new Map(
        names.map((name) => {
          const array = defined(hidden[name], 'a name of an array');
          return [hiddenLayer(name), distanceFrom(one.fixture, array, positions)] as const;
        }),
      );
      const width = engine.model.graph.hiddenSize;
      await engine.observe(defined(one.fixture.prompts[prompt], 'the prompt has tokens'), {
        capture: {
          layers: new Set(distances.keys()),
          take(layer, start, rows) {
            for (let row = 0; row * width < rows.length; row++) {
              distances.get(layer)?.take(start + row, rows.subarray(row * width, (row + 1) * width));
            }
          },
        },
      });
      for (const [layer, distance] of distances) {
        expect(distance.result(), `${one.name} layer ${layer}`).toBeLessThanOrEqual(exactTolerance);
        layersCompared++;
        if (layer === 'final') finalsCompared++;
      }
    }
    await engine.close();
  }
  expect(layersCompared).toBeGreaterThan(10);
  expect(finalsCompared).toBeGreaterThan(5);
});

function hiddenLayer(name: string): HiddenLayer {
  if (name === 'final-norm') return 'final';
  return name === 'embedding' ? -1 : Number(name);
}

/**
 * Quantised weights. The other implementation multiplies dequantised weights by f32 activations; the kernels quantise
 * activations to 8 bits, as llama.cpp does. The test bounds the resulting change of the mean loss on a text.
 */
test.each(
  cases.filter(({ file }) => !exactFiles.test(file)).map((one) => [`${one.name} ${one.file}`, one] as const),
)('%s: loss on a text, against exact activations', async (_, { fixture, meaning, name, file }) => {
  const stated = defined(meaning.perplexity, 'a quantised file states its loss');
  const engine = await startFixture({ name, file }, { contextMax: 640, prefillChunkTokens: 128 });
  const loss = await meanLoss(engine, fixture.textTokens);
  await engine.close();
  const drift = loss - stated.negativeLogLikelihood;
  expect(Math.abs(drift), `mean loss ${stated.negativeLogLikelihood}, drift ${drift}`).toBeLessThan(0.01);
});
