/** An EAGLE3 draft may change the number of steps, and nothing else. Its logits are compared in packages/drafts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defined, MiB, PlimsollError } from '@plimsoll/foundation';
import { diffLedgers, formatDifference } from '@plimsoll/planner/ledger';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openModel } from '../load/open-model.ts';
import { startFixture } from '../loop/fixture-engine.test-data.ts';
import { createEngine, type DraftStart } from '../start/create-engine.ts';
import { writeDraft } from './eagle3.test-data.ts';

const place = { name: 'llama-3', file: 'f32.gguf' };
const prompt = Array.from({ length: 40 }, (_, index) => 5 + ((index * 37) % 250));

let root: string;
let usual: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'plimsoll-eagle3-'));
  usual = await writeDraft(join(root, 'usual'));
});
afterAll(() => rm(root, { recursive: true }));

async function draft(folder = usual, tokens = 3): Promise<DraftStart> {
  return { model: await openModel(folder), tokens };
}

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('an error was expected'),
    (error: unknown) => error,
  );
}

test('greedy texts equal the texts without a draft: alone, together, after a prefix hit, as choices', async () => {
  const engine = await startFixture(place, {}, { draft: await draft() });
  const texts = [prompt, prompt.slice(0, 33), [...prompt.slice(0, 32), 7, 8, 9], prompt.slice(3)];
  const ask = (text: readonly number[], more: object) =>
    engine.generate({
      ...{ prompt: text, maxTokens: 24, ignoreEnd: true, sampling: { temperature: 0 } },
      ...more,
    });
  const plain = [];
  for (const text of texts) plain.push((await ask(text, { draftTokens: 0 })).choices[0]?.tokens);
  // The prompts are cached now: the draft has no states of their first blocks.
  const together = await Promise.all(texts.map((text) => ask(text, {})));
  expect(together.map(({ choices }) => choices[0]?.tokens)).toEqual(plain);
  expect(together.every(({ choices }) => (choices[0]?.speculation?.drafted ?? 0) > 20)).toBe(true);
  const { choices } = await ask(prompt, { choices: 3 });
  for (const { tokens } of choices) expect(tokens).toEqual(plain[0]);
  engine.checkIntegrity();
  await engine.close();
});

/** Few tokens, so that a draft with random weights meets the target's choice now and then. */
const others = new Map(
  Array.from({ length: 320 }, (_, token) => [token, -Infinity] as const).filter(
    ([token]) => ![16, 19, 22, 25].includes(token),
  ),
);

test.each([
  ['in one arena', {}],
  ['in several arenas', { arenaBytesMax: 2 * MiB }],
])('accepted and refused drafts give the same greedy text %s', async (_, options) => {
  const engine = await startFixture(place, options, { draft: await draft() });
  const request = { prompt, maxTokens: 60, ignoreEnd: true, sampling: { temperature: 0, logitBias: others } };
  const [drafted] = (await engine.generate(request)).choices;
  const [plain] = (await engine.generate({ ...request, draftTokens: 0 })).choices;
  expect(drafted?.tokens).toEqual(plain?.tokens);
  const { accepted = 0, drafted: count = 0 } = drafted?.speculation ?? {};
  expect(accepted).toBeGreaterThan(0);
  expect(accepted).toBeLessThan(count);
  await engine.close();
});

test('more sequences than blocks: sampled texts end, and greedy texts stay the same', async () => {
  const start = { draft: await draft() };
  const engine = await startFixture(place, { sequencesMax: 3, contextMax: 96 }, start);
  const requests = [1, 2, 3, 4, 5, 6].map((seed) => ({
    ...{ prompt: prompt.slice(seed), maxTokens: 40, ignoreEnd: true },
    sampling: seed % 2 === 0 ? { temperature: 0 } : { temperature: 1, seed },
  }));
  const answers = await Promise.all(requests.map((request) => engine.generate(request)));
  expect(answers.map(({ choices }) => choices[0]?.tokens.length)).toEqual([40, 40, 40, 40, 40, 40]);
  for (const [index, request] of requests.entries()) {
    if (request.sampling.temperature > 0) continue;
    const { choices } = await engine.generate({ ...request, draftTokens: 0 });
    expect(answers[index]?.choices[0]?.tokens).toEqual(choices[0]?.tokens);
  }
  engine.checkIntegrity();
  await engine.close();
});

test('speculators write other names and count layers by their input', async () => {
  const rename = (name: string): string => name.replace(/^midlayer\./, 'layers.0.');
  const config = {
    speculators_model_type: 'eagle3',
    eagle_config: { eagle_aux_hidden_state_layer_ids: [1, 2, 3] },
  };
  const folder = await writeDraft(join(root, 'speculators'), { rename, config });
  const [model, same] = await Promise.all([openModel(folder), openModel(usual)]);
  expect(model.draft).toEqual(same.draft);
  expect(model.spec.layers).toEqual(same.spec.layers);
});

test('the ledger holds the draft as planned, and close frees it', async () => {
  const engine = await startFixture(place, { threads: 2 }, { draft: await draft() });
  const plan = defined(engine.memory.adoptedPlan, 'an engine has a plan');
  expect(diffLedgers(plan.ledger, engine.ledger()).map(formatDifference)).toEqual([]);
  const own = plan.ledger.entries.filter(({ category, tier }) => category === 'draft' && tier === 'host');
  expect(own.map(({ tag, bytes }) => `${tag}: ${bytes}`)).toMatchInlineSnapshot(`
    [
      "proposed distributions: 19200",
      "captured states: 18432",
      "draft states: 2048",
      "vocabulary map: 400",
    ]
  `);
  await engine.close();
  expect(engine.ledger().entries).toEqual([]);
});

test('refuses another target by name and sizes, and a draft without its target', async () => {
  const refused = async (config: object): Promise<unknown> => {
    const folder = await writeDraft(join(root, 'other'), { config });
    return errorOf(startFixture(place, {}, { draft: await draft(folder) }));
  };
  const layerIds = { eagle_config: { eagle_aux_hidden_state_layer_ids: [0, 1, 9] } };
  const errors = [
    await refused(layerIds),
    await refused({ vocab_size: 400 }),
    await errorOf(startFixture({ name: 'llama-bias', file: 'f32.gguf' }, {}, { draft: await draft() })),
  ];
  expect(errors.map((error) => (error instanceof PlimsollError ? error.code : error))).toEqual(
    errors.map(() => 'draft-target'),
  );
  expect(
    errors.map((error) => (error instanceof PlimsollError ? error.message : error)),
  ).toMatchInlineSnapshot(`
    [
      "the draft other was not made for f32.gguf: it reads layer 9; this model has the layers 0 to 2",
      "the draft other was not made for f32.gguf: it needs a target with a vocabulary of 400; this model has 320",
      "the draft usual was not made for f32.gguf: it needs a target with a vocabulary of 320; this model has 317",
    ]
  `);
  const alone = createEngine({ model: await openModel(usual), memoryBytes: 512 * MiB });
  expect(await errorOf(alone)).toMatchObject({ code: 'draft-without-target' });
});

test('refuses damaged checkpoints when they are opened', async () => {
  const opened = async (changes: Parameters<typeof writeDraft>[1]): Promise<unknown> =>
    errorOf(openModel(await writeDraft(join(root, 'damaged'), changes)));
  const without = (lost: string) => (name: string) => (name === lost ? null : name);
  expect(await opened({ rename: without('d2t') })).toMatchObject({ code: 'bad-vocabulary-map' });
  expect(await opened({ ids: new Array<number>(100).fill(320) })).toMatchObject({
    code: 'bad-vocabulary-map',
  });
  expect(await opened({ rename: without('fc.weight') })).toMatchObject({ code: 'missing-tensor' });
  expect(await opened({ config: { norm_output: 'yes' } })).toMatchObject({ code: 'bad-draft-config' });
  expect(await opened({ config: { num_hidden_layers: 2 } })).toMatchObject({ code: 'unsupported-draft' });
  expect(await opened({ config: { hidden_size: 72 } })).toMatchObject({ code: 'shape-mismatch' });
});
