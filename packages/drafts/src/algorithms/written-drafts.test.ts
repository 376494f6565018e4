/** What a training writes is what readers get: a draft for a warm start, a whole model for the engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '@plimsoll/engine';
import { defined } from '@plimsoll/foundation';
import { createTrainingArena, type TrainingArena } from '@plimsoll/training';
import { expect, onTestFinished, test } from 'vitest';
import { fillTrainedWeights } from './initial-weights.ts';
import { knownStrategies } from './known-strategies.ts';
import type { StrategyInputs, TrainableStrategy } from './strategy-spec.ts';
import { readTargetTables } from './target-tables.ts';

const checkpoint = join(import.meta.dirname, '../../../../fixtures/engine/llama-3/checkpoint');
const strategies = knownStrategies();
const target = { id: 'example/target', architectures: ['LlamaForCausalLM'] };

async function filled(strategy: TrainableStrategy, seed: number): Promise<TrainingArena> {
  const arena = await createTrainingArena(strategy.plan, strategy.parameters, 1);
  onTestFinished(() => arena.close());
  fillTrainedWeights(strategy, arena, seed);
  return arena;
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-written-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('a written EAGLE3 draft starts another training with the same weights and the same map', async () => {
  const spec = strategies.need('eagle3');
  const vocabulary = {
    draftToTarget: Int32Array.from({ length: 20 }, (_, id) => id + 3),
    isDrafted: Uint8Array.from({ length: 37 }, (_, id) => Number(id >= 3 && id < 23)),
  };
  const inputs: StrategyInputs = {
    draft: { heads: 2, kvHeads: 1, headDim: 8, intermediateSize: 24 },
    target: { hiddenSize: 12, layerCount: 12, vocabularySize: 37 },
    ...{ layerIds: [1, 5, 8], vocabulary, batchSize: 1, lengths: [16] },
  };
  const strategy = strategies.open('eagle3', inputs);
  const [arena, other] = [await filled(strategy, 1), await filled(strategy, 2)];
  const folder = join(newFolder(), 'draft');
  const { parameters } = strategy;
  const write = defined(spec.writeDraft, 'EAGLE3 writes drafts');
  const form = { contextMax: 64, target, targetFolder: null, form: 'native', weightsType: 'F32' } as const;
  await write({ folder, inputs, parameters, arena, ...form });
  const start = await defined(spec.readDraft, 'EAGLE3 reads drafts')(folder, inputs);
  expect(start.vocabulary).toEqual(vocabulary);
  start.fillWeights(other);
  expect(other.flat('parameters')).toEqual(arena.flat('parameters'));
  const wider = { ...inputs, draft: { ...inputs.draft, intermediateSize: 32 } };
  await expect(defined(spec.readDraft, 'EAGLE3 reads drafts')(folder, wider)).rejects.toMatchObject({
    code: 'draft-shape',
  });
});

test('a written language model is a model of the engine, with the tokenizer of its data', async () => {
  const spec = strategies.need('lm');
  const draft = {
    ...{ vocabulary: 320, hiddenSize: 32, layers: 2, heads: 2, kvHeads: 1, headDim: 16 },
    intermediateSize: 48,
  };
  const shape = { hiddenSize: 64, layerCount: 3, vocabularySize: 320 };
  const inputs = { draft, target: shape, layerIds: [], vocabulary: null, batchSize: 1, lengths: [16] };
  const strategy = strategies.open('lm', inputs);
  const arena = await filled(strategy, 3);
  const folder = join(newFolder(), 'model');
  await defined(
    spec.writeDraft,
    'lm writes models',
  )({
    ...{ folder, inputs, parameters: strategy.parameters, arena, contextMax: 64, target },
    ...{ targetFolder: checkpoint, form: 'native', weightsType: 'F32' },
  });
  const model = await openModel(folder);
  const { embedding } = await readTargetTables(model);
  expect(embedding).toEqual(Float32Array.from(arena.parameter('model.embed_tokens.weight')));
  const [tokenizer, source] = [
    await model.loadTokenizer(),
    await (await openModel(checkpoint)).loadTokenizer(),
  ];
  expect(tokenizer.encode('It is 3.')).toEqual(source.encode('It is 3.'));
  const small = { ...inputs, draft: { ...draft, vocabulary: 319 } };
  expect(() => strategies.open('lm', small)).toThrow('draft.vocabulary of lm is 319');
});
