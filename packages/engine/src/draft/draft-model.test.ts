/** A draft model may change the number of steps, and nothing else. */
import { join } from 'node:path';
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { diffLedgers, formatDifference, ledgerBytes } from '@plimsoll/planner/ledger';
import { expect, test } from 'vitest';
import type { Engine } from '../engine.ts';
import { openModel } from '../load/open-model.ts';
import { fixturesDirectory, startFixture } from '../loop/fixture-engine.test-data.ts';
import type { GenerationRequest } from '../request/generation.ts';
import { createSampler } from '../sampling/sampler.ts';
import type { DraftStart } from '../start/create-engine.ts';

const place = { name: 'llama-3', file: 'f16.gguf' };
const prompt = Array.from({ length: 20 }, (_, index) => 5 + ((index * 37) % 250));

async function draft(file: string, tokens: number): Promise<DraftStart> {
  return { model: await openModel(join(fixturesDirectory, file)), tokens };
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('an error was expected'),
    (error: unknown) => error,
  );
}

/** The tokens of the test's texts: few, so that all texts can be counted. */
const alphabet: readonly number[] = [17, 42, 99];
const textTokens = 4;

/** Probability of every text under the model alone, computed from its logits. The index is the text in base three. */
async function chances(engine: Engine, sampling: GenerationRequest['sampling']): Promise<readonly number[]> {
  const { vocabSize } = engine.model.graph;
  const sampler = createSampler(sampling ?? {}, vocabSize);
  const row = new Float64Array(vocabSize);
  let texts: { readonly tokens: readonly number[]; readonly chance: number }[] = [{ tokens: [], chance: 1 }];
  for (let place = 0; place < textTokens; place++) {
    const longer: typeof texts = [];
    for (const { tokens, chance } of texts) {
      const history = [...prompt, ...tokens];
      await engine.observe(history, {
        score(position, logits) {
          if (position === history.length - 1) sampler.distribution(logits, history, row);
        },
      });
      longer.push(
        ...alphabet.map((token) => ({ tokens: [...tokens, token], chance: chance * (row[token] ?? 0) })),
      );
    }
    texts = longer;
  }
  return texts.map(({ chance }) => chance);
}

test.each([
  ['a near draft', 'llama-3/q4_0.gguf'],
  ['a far draft', 'llama-k-quants/q4_k.gguf'],
])('%s: sampled texts have the distribution of the model alone', async (_, file) => {
  const engine = await startFixture(place, {}, { draft: await draft(file, 3) });
  const { vocabSize } = engine.model.graph;
  const others = Array.from({ length: vocabSize }, (_unused, token) => token).filter(
    (token) => !alphabet.includes(token),
  );
  const sampling = {
    // A high temperature, because random models have peaked distributions: many texts occur, and drafts are often
    // refused.
    temperature: 3,
    topK: 0,
    topP: 1,
    minP: 0,
    logitBias: new Map(others.map((token) => [token, -Infinity])),
  };
  const wanted = await chances(engine, sampling);
  expect(wanted.reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 5);
  const counts = new Array<number>(wanted.length).fill(0);
  const total = { drafted: 0, accepted: 0 };
  const runs = 1600;
  // Seeds 1 to 1600, four requests at a time.
  for (let seed = 1; seed <= runs; seed += 4) {
    const answers = [0, 1, 2, 3].map((offset) =>
      engine.generate({
        prompt,
        maxTokens: textTokens,
        ignoreEnd: true,
        sampling: { ...sampling, seed: seed + offset },
      }),
    );
    for (const { choices } of await Promise.all(answers)) {
      const { tokens = [], speculation } = choices[0] ?? {};
      const number = tokens.reduce((sum, token) => 3 * sum + alphabet.indexOf(token), 0);
      counts[number] = (counts[number] ?? 0) + 1;
      total.drafted += speculation?.drafted ?? 0;
      total.accepted += speculation?.accepted ?? 0;
    }
  }
  // Rare texts are counted together: chi-square needs several expected occurrences per class.
  const common = wanted.flatMap((chance, number) => (runs * chance >= 5 ? [number] : []));
  const cells = common.map((number) => ({
    expected: runs * (wanted[number] ?? 0),
    counted: counts[number] ?? 0,
  }));
  const rest = cells.reduce(
    (left, { expected, counted }) => ({
      expected: left.expected - expected,
      counted: left.counted - counted,
    }),
    { expected: runs, counted: runs },
  );
  const chiSquare = [...cells, rest]
    .filter(({ expected }) => expected > 1)
    .reduce((sum, { expected, counted }) => sum + (counted - expected) ** 2 / expected, 0);
  // 48 degrees of freedom: 84.0 is the 0.1 % point. Replacing refused drafts by plain samples of the model gives 166.
  expect(cells.length).toBe(48);
  expect(chiSquare, JSON.stringify(total)).toBeLessThan(84);
  expect(total.accepted).toBeGreaterThan(runs / 4);
  expect(total.drafted - total.accepted).toBeGreaterThan(runs / 10);
  engine.checkIntegrity();
  await engine.close();
});

test('drafts of the model itself are always accepted, and the answer reports it', async () => {
  const engine = await startFixture(place, {}, { draft: await draft('llama-3/f16.gguf', 4) });
  const request = { prompt, maxTokens: 31, ignoreEnd: true, sampling: { temperature: 0 } };
  const stepsBefore = engine.metrics.steps;
  const { choices } = await engine.generate(request);
  // One step for the prompt, six steps of five tokens.
  expect(engine.metrics.steps - stepsBefore).toBe(7);
  expect(choices[0]?.speculation).toMatchObject({
    steps: 6,
    drafted: 24,
    accepted: 24,
    acceptanceRate: 1,
    tokensPerStep: 5,
  });
  const plain = await engine.generate({ ...request, draftTokens: 0 });
  expect(plain.choices[0]?.speculation).toBeUndefined();
  expect(plain.choices[0]?.tokens).toEqual(choices[0]?.tokens);
  const few = await engine.generate({ ...request, draftTokens: 1 });
  expect(few.choices[0]?.speculation).toMatchObject({ steps: 15, drafted: 15, tokensPerStep: 2 });
  expect(await errorOf(engine.generate({ ...request, draftTokens: 5 }))).toMatchObject({
    code: 'bad-draft-tokens',
    limit: 4,
  });
  await engine.close();
});

test('with mirostat drafts have no distribution, and the tokens equal the plain path', async () => {
  const engine = await startFixture(place, {}, { draft: await draft('llama-3/q8_0.gguf', 3) });
  for (const seed of [1, 2, 3]) {
    const sampling = { temperature: 0.05, mirostat: { tau: 2 }, seed };
    const request = { prompt, maxTokens: 40, ignoreEnd: true, choices: 2, sampling };
    const { choices } = await engine.generate(request);
    const plain = await engine.generate({ ...request, draftTokens: 0 });
    expect(choices.map(({ tokens }) => tokens)).toEqual(plain.choices.map(({ tokens }) => tokens));
    expect(choices[0]?.speculation?.accepted).toBeGreaterThan(0);
  }
  await engine.close();
});

test('the ledger holds the draft as planned, and close frees it', async () => {
  const start = await draft('gemma2/f32.gguf', 3);
  const engine = await startFixture({ name: 'gemma3', file: 'bf16.gguf' }, { threads: 2 }, { draft: start });
  const plan = defined(engine.memory.adoptedPlan, 'an engine has a plan');
  expect(diffLedgers(plan.ledger, engine.ledger()).map(formatDifference)).toEqual([]);
  const own = plan.ledger.entries.filter(({ category }) => category === 'draft');
  expect(own.map(({ tag, tier }) => `${tag} (${tier})`)).toEqual([
    'step tables (device)',
    'weights (device)',
    'head buffers (device)',
    'sliding attention (device)',
    'full attention (device)',
    'proposed distributions (host)',
  ]);
  const cacheBytes = own
    .filter(({ tag }) => tag.endsWith('attention'))
    .reduce((sum, { bytes }) => sum + bytes, 0);
  expect(ledgerBytes(plan.ledger, { category: 'draft' })).toBeGreaterThan(cacheBytes);
  // Every layer of the draft keeps every token, in as many blocks as the model's full-attention cache.
  const { budget, settings } = plan;
  const perToken = start.model.spec.layers.reduce((sum, { attention }) => {
    assert('kvHeads' in attention, 'every layer keeps keys and values');
    return sum + 4 * attention.kvHeads * (attention.keyHeadDim + attention.valueHeadDim);
  }, 0);
  expect(cacheBytes).toBe(budget.poolBlocks * settings.blockTokens * perToken);
  await engine.close();
  expect(engine.ledger().entries).toEqual([]);
});

test('refuses a draft with another vocabulary, and names the first token that differs', async () => {
  const error = await errorOf(startFixture(place, {}, { draft: await draft('llama-bias/f32.gguf', 2) }));
  expect(error).toBeInstanceOf(PlimsollError);
  expect(error).toMatchInlineSnapshot(
    `[PlimsollError: token 0 is "Ā" in f16.gguf and "<unk>" in the draft f32.gguf]`,
  );
});

test('a draft that fails ends the request, and the error names the draft', async () => {
  const engine = await startFixture(place, {}, { draft: await draft('llama-3/q8_0.gguf', 2) });
  const region = engine.memory.region('draft blk 1 ffn_norm.weight');
  const memory = engine.memory.vram.memory(region.arena);
  new Float32Array(memory.buffer, region.offset, 4)[1] = Number.NaN;
  const request = { prompt, maxTokens: 8, ignoreEnd: true, sampling: { temperature: 0 } };
  expect(await errorOf(engine.generate(request))).toMatchObject({
    code: 'logits-not-finite',
    message: 'draft model: layer 1 gave numbers that are not finite, so there is no next token',
  });
  engine.checkIntegrity();
  expect(engine.occupancy.every(({ owned }) => owned === 0)).toBe(true);
  expect((await engine.generate({ ...request, draftTokens: 0 })).choices[0]?.tokens.length).toBe(8);
  await engine.close();
});
