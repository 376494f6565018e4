/** DFlash for the registry: its section of a recipe, the states that it wants, and its strategy. */
import { assert } from '@plimsoll/foundation';
import { z } from 'zod';
import { parseDraftSection } from '../draft-section.ts';
import type { StrategyInputs, StrategySpec } from '../strategy-spec.ts';
import { blockFeatures } from './block-layout.ts';
import { type DFlashConfig, dflashLayers } from './dflash-spec.ts';
import { dflashStrategy } from './dflash-strategy.ts';

const size = z.int().positive();

/** The keys that every draft of blocks has. The widths have no default: a draft has the shape of its target's family. */
export const blockDraftSchema = z.strictObject({
  heads: size,
  kvHeads: size,
  headDim: size,
  intermediateSize: size,
  epsilon: z.number().positive().default(1e-6),
  ropeBase: z.number().positive().default(1_000_000),
  /** Captured layers; by default as many as the draft has layers, in equal steps. */
  layerIds: z.array(z.int().nonnegative()).min(1).max(16).optional(),
  /** One entry for each layer of the draft: null for the whole context, else the tokens that it sees. */
  layerWindows: z.array(size.nullable()).min(1).max(16).default([null]),
  blockSize: size.default(16),
  /** A token that no text contains; it has a row in the target's embedding. */
  maskTokenId: z.int().nonnegative(),
  anchorsMax: size.default(512),
  anchorSeed: z.int().default(0),
  /** The weights that DFlash was published with, for blocks of 16 tokens. */
  gamma: z.number().nonnegative().default(7),
});

const alpha = z.number().min(0).max(1).default(0.5);

const draftSchema = blockDraftSchema.extend({
  loss: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('dflash') }),
      z.strictObject({ kind: z.literal('dpace'), alpha }),
      z.strictObject({ kind: z.literal('dpace-cumulative-confidence-only'), alpha }),
      z.strictObject({ kind: z.literal('dpace-continuation-value-only'), alpha }),
    ])
    .default({ kind: 'dflash' }),
});

/** The layers that a section names, or those that published drafts of as many layers read. */
export function blockLayers(
  layerCount: number,
  { layerIds, layerWindows }: Pick<z.infer<typeof blockDraftSchema>, 'layerIds' | 'layerWindows'>,
): readonly number[] {
  return layerIds ?? dflashLayers(layerCount, layerWindows.length);
}

/** The shape of a draft of blocks in a section, on the width and vocabulary of its target. */
export function blockConfig(
  section: z.infer<typeof blockDraftSchema>,
  { target, layerIds }: Pick<StrategyInputs, 'target' | 'layerIds'>,
): DFlashConfig {
  assert(target !== null, 'the registry has checked the target');
  const { heads, kvHeads, headDim, intermediateSize, epsilon, ropeBase } = section;
  const { layerWindows, blockSize, maskTokenId } = section;
  return {
    ...{ heads, kvHeads, headDim, intermediateSize, epsilon, ropeBase, layerWindows, blockSize, maskTokenId },
    hiddenSize: target.hiddenSize,
    capturedLayers: layerIds.length,
    vocabulary: target.vocabularySize,
  };
}

export const dflashSpec: StrategySpec = {
  name: 'dflash',
  parent: null,
  sampleKind: 'capture',
  features: blockFeatures,
  supervisedRunMin: 2,
  batchSize: null,
  vocabulary: 'target',
  exportForm: 'draft',
  wantedStates(target, section) {
    const draft = parseDraftSection(draftSchema, section, 'dflash');
    return { layerIds: blockLayers(target.layerCount, draft), hasFinal: false };
  },
  open(inputs) {
    const draft = parseDraftSection(draftSchema, inputs.draft, 'dflash');
    const { anchorsMax, anchorSeed, gamma, loss } = draft;
    const training = { anchorsMax, anchorSeed, gamma, loss };
    const { batchSize: sequences, lengths } = inputs;
    return dflashStrategy({ config: blockConfig(draft, inputs), training }, { sequences, lengths });
  },
};
