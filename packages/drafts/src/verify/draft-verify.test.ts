/** A draft is trained on answers of a small real target; its real acceptance is compared with what training counts. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, type Engine, openModel } from '@plimsoll/engine';
import { defined, MiB } from '@plimsoll/foundation';
import { createTrainingArena, TrainerCore } from '@plimsoll/training';
import { usualAdamW } from '@plimsoll/training/optimizer';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Eagle3Draft, takeWeights } from '../algorithms/eagle3/eagle3-draft.ts';
import { answerBatch, simulateEagle3 } from '../algorithms/eagle3/eagle3-evaluation.ts';
import { Eagle3Strategy } from '../algorithms/eagle3/eagle3-strategy.ts';
import { fillFrozenWeights, fillTrainedWeights } from '../algorithms/initial-weights.ts';
import { readTargetTables } from '../algorithms/target-tables.ts';
import { VocabularyCounter } from '../data/vocabulary-map.ts';
import { writeHuggingFaceDraft } from '../export/hugging-face-draft.ts';
import { PlimsollTarget } from '../targets/plimsoll-target.ts';
import { acceptanceRates, acceptedLength } from './acceptance-counts.ts';
import { type DraftVerification, verifyDraftedAnswers } from './draft-verify.ts';

const path = join(import.meta.dirname, '../../../../fixtures/engine/llama-3/f32.gguf');
const layerIds = [0, 1, 2];
const draftTokens = 3;
const outputTokensMax = 40;
const prompts = Array.from({ length: 8 }, (_, number) => ({
  id: `prompt ${number}`,
  tokens: Array.from({ length: 9 }, (_unused, index) => 5 + ((index * 13 + number * 29) % 200)),
}));
const options = {
  sequencesMax: 2,
  contextMax: 512,
  kvFormat: 'fp32',
  threads: 1,
  hiddenStatesBytes: MiB,
} as const;

let folder: string;
let plain: Engine;
let drafted: Engine;
let draft: Eagle3Draft;
let verified: DraftVerification;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-verify-'));
  const model = await openModel(path);
  plain = await createEngine({ model, memoryBytes: 512 * MiB, tokenizer: null, options });
  draft = await trainDraft();
  const target = { id: 'target', architectures: [], draftTokens };
  await writeHuggingFaceDraft({
    folder: join(folder, 'draft'),
    draft,
    target,
    form: 'native',
    weightsType: 'F32',
  });
  drafted = await createEngine({
    ...{ model, memoryBytes: 512 * MiB, tokenizer: null, options },
    draft: { model: await openModel(join(folder, 'draft')), tokens: draftTokens },
  });
  verified = await verifyDraftedAnswers({ plain, drafted, prompts, outputTokensMax, draftTokens });
});
afterAll(async () => {
  await plain.close();
  await drafted.close();
  await rm(folder, { recursive: true });
});

/** Trains on answers to the first prompts for some steps: enough to be accepted often, not always. */
async function trainDraft(): Promise<Eagle3Draft> {
  const target = new PlimsollTarget(plain, { id: 'target', sha256: '0'.repeat(64) });
  const tables = await readTargetTables(plain.model);
  const answered = [];
  const counter = new VocabularyCounter(320);
  for (const { tokens: prompt } of prompts.slice(0, 6)) {
    const request = { prompt, maxTokens: outputTokensMax, sampling: { temperature: 0 } };
    const answer = defined((await plain.generate(request)).choices[0], 'an answer').tokens;
    answered.push({ prompt, answer });
    const inputIds = [...prompt, ...answer];
    counter.add({ inputIds, lossMask: inputIds.map((_, index) => Number(index >= prompt.length)) });
  }
  const vocabulary = counter.map(128);
  const config = {
    ...{ hiddenSize: 64, targetHiddenSize: 64, capturedLayers: 3, heads: 4, kvHeads: 2, headDim: 16 },
    ...{ intermediateSize: 96, targetVocabulary: 320, draftVocabulary: 128, epsilon: 1e-5, ropeBase: 10_000 },
    ...{ normOutput: false, normLayers: false },
  };
  const training = { tttLength: draftTokens, stepDecay: 0.8, loss: { kind: 'kl' } } as const;
  const strategy = new Eagle3Strategy({ config, training, vocabulary, sequences: 1, lengths: [64] });
  const arena = await createTrainingArena(strategy.plan, strategy.parameters, 1);
  fillFrozenWeights(strategy, arena, tables);
  fillTrainedWeights(strategy, arena, 1);
  const epochs = 15;
  const schedule = { peak: 3e-3, kind: 'cosine', totalSteps: 6 * epochs, warmupRatio: 0.1 } as const;
  const core = new TrainerCore(arena, strategy, { adamW: usualAdamW, schedule, gradientNormMax: 1 }, 0);
  for (let epoch = 0; epoch < epochs; epoch++)
    for (const one of answered) core.trainStep([await answerBatch({ target, layerIds }, one)]);
  const weights = takeWeights(strategy.parameters, arena, config);
  await arena.close();
  return { config, vocabulary, layerIds, contextMax: 512, weights };
}

test('the output is that of the target alone, and the counts agree with each other', () => {
  expect(verified.differing).toEqual([]);
  const { plain: own, draft: measured, lookup } = verified.results;
  expect(own.outputTokens).toBe(verified.answers.flat().length);
  for (const { outputTokens, acceptance } of [measured, lookup]) {
    expect(outputTokens).toBe(own.outputTokens);
    const { accepted, acceptedByPlace, reachedByPlace, passes } = acceptance;
    expect(acceptedByPlace.reduce((sum, count) => sum + count, 0)).toBe(accepted);
    expect(reachedByPlace[0] ?? 0).toBeLessThanOrEqual(passes);
  }
  expect(own.acceptance.passes).toBe(0);
  expect(measured.acceptance.accepted).toBeGreaterThan(0);
  expect(measured.acceptance.accepted).toBeLessThan(measured.acceptance.drafted);
  // The first token of an answer comes with its prompt, and its last token can need no draft.
  const { passes, accepted } = measured.acceptance;
  expect(passes + accepted).toBeGreaterThanOrEqual(own.outputTokens - 2 * prompts.length);
});

// Training counts every position and multiplies accuracies of places. Verification counts the positions where passes begin.
test('training promises at least the real accepted length, and at most half more', async () => {
  const target = new PlimsollTarget(plain, { id: 'target', sha256: '0'.repeat(64) });
  const answered = prompts.map(({ tokens: prompt }, index) => ({
    prompt,
    answer: defined(verified.answers[index], 'every prompt has an answer'),
  }));
  const metrics = await simulateEagle3({
    ...{ draft, target, tables: await readTargetTables(plain.model), answered, draftTokens, threads: 1 },
  });
  const real = acceptedLength(verified.results.draft.acceptance);
  const simulated = defined(metrics ?? undefined, 'answers have tokens').simulatedLength;
  expect(acceptanceRates(verified.results.draft.acceptance)).toHaveLength(draftTokens);
  expect(real).toBeGreaterThan(0.5);
  expect(simulated / real, `${simulated} simulated, ${real} real`).toBeGreaterThan(0.9);
  expect(simulated / real, `${simulated} simulated, ${real} real`).toBeLessThan(1.5);
});
