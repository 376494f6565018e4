/** EAGLE3 for the registry: its section of a recipe, the states that it wants, and its strategy. */
import { assert } from '@plimsoll/foundation';
import { z } from 'zod';
import type { VocabularyMap } from '../../data/vocabulary-map.ts';
import { readHuggingFaceDraft, writeHuggingFaceDraft } from '../../export/hugging-face-draft.ts';
import { usualLayers } from '../../targets/wanted-states.ts';
import { parseDraftSection } from '../draft-section.ts';
import type { StrategyInputs, StrategySpec } from '../strategy-spec.ts';
import { eagle3Features } from './eagle3-collate.ts';
import { checkWeights, putWeights, takeWeights } from './eagle3-draft.ts';
import { Eagle3Strategy } from './eagle3-strategy.ts';

const size = z.int().positive();

/** The widths have no default: a draft has the shape of its target's family. */
const draftSchema = z.strictObject({
  heads: size,
  kvHeads: size,
  headDim: size,
  intermediateSize: size,
  epsilon: z.number().positive().default(1e-5),
  ropeBase: z.number().positive().default(10_000),
  /** Captured layers; by default an early, a middle and a late one. */
  layerIds: z.array(z.int().nonnegative()).min(1).max(16).optional(),
  normOutput: z.boolean().default(false),
  normLayers: z.boolean().default(false),
  tttLength: size.default(7),
  stepDecay: z.number().positive().max(1).default(0.8),
  loss: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('kl') }),
      z.strictObject({ kind: z.literal('lk-alpha') }),
      z.strictObject({
        kind: z.literal('lk-lambda'),
        scale: z.number().positive().default(1),
        decay: z.number().nonnegative().default(1),
      }),
    ])
    .default({ kind: 'kl' }),
});

export const eagle3Spec: StrategySpec = {
  name: 'eagle3',
  parent: null,
  sampleKind: 'capture',
  features: eagle3Features,
  supervisedRunMin: 1,
  batchSize: null,
  vocabulary: 'mapped',
  exportForm: 'draft',
  wantedStates(target, section) {
    const { layerIds } = parseDraftSection(draftSchema, section, 'eagle3');
    return { layerIds: layerIds ?? usualLayers(target.layerCount), hasFinal: true };
  },
  open(inputs) {
    const { vocabulary, batchSize, lengths } = inputs;
    assert(vocabulary !== null, 'the registry has checked the vocabulary');
    const { config, training } = settingsOf(inputs, vocabulary);
    return new Eagle3Strategy({ config, training, vocabulary, sequences: batchSize, lengths });
  },
  async writeDraft({ folder, inputs, parameters, arena, contextMax, target, form, weightsType }) {
    const { vocabulary, layerIds } = inputs;
    assert(vocabulary !== null, 'a trained draft has a vocabulary');
    const { config, training } = settingsOf(inputs, vocabulary);
    const weights = takeWeights(parameters, arena, config);
    const draft = { config, vocabulary, layerIds, contextMax, weights };
    const draftTokens = training.tttLength;
    await writeHuggingFaceDraft({ folder, draft, target: { ...target, draftTokens }, form, weightsType });
  },
  async readDraft(folder, inputs) {
    const draft = await readHuggingFaceDraft(folder, inputs.layerIds);
    const { config } = settingsOf(inputs, draft.vocabulary);
    checkWeights(draft.weights, config);
    return { vocabulary: draft.vocabulary, fillWeights: (arena) => putWeights(draft, arena, config) };
  },
};

function settingsOf(
  { draft: section, target, layerIds }: Pick<StrategyInputs, 'draft' | 'target' | 'layerIds'>,
  vocabulary: VocabularyMap,
) {
  assert(target !== null, 'the registry has checked the target');
  const {
    tttLength,
    stepDecay,
    loss,
    layerIds: _,
    ...shape
  } = parseDraftSection(draftSchema, section, 'eagle3');
  const config = {
    ...shape,
    // The draft reads the target's embedding, so that both have one width.
    hiddenSize: target.hiddenSize,
    targetHiddenSize: target.hiddenSize,
    capturedLayers: layerIds.length,
    targetVocabulary: target.vocabularySize,
    draftVocabulary: vocabulary.draftToTarget.length,
  };
  return { config, training: { tttLength, stepDecay, loss } };
}
