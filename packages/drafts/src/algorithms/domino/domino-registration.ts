/** Domino for the registry. It trains on the captures of DFlash as well. */
import { z } from 'zod';
import { blockConfig, blockDraftSchema, blockLayers, dflashSpec } from '../dflash/dflash-registration.ts';
import { parseDraftSection } from '../draft-section.ts';
import type { StrategySpec } from '../strategy-spec.ts';
import { dominoStrategy } from './domino-strategy.ts';

const draftSchema = blockDraftSchema.extend({
  gruSize: z.int().positive().default(1024),
  correctionRank: z.int().positive().default(256),
  shiftLabel: z.boolean().default(true),
  purePrefix: z.int().nonnegative().default(1),
  baseShareStart: z.number().min(0).max(1).default(1),
  baseShareRatio: z.number().min(0).max(1).default(0.5),
});

export const dominoSpec: StrategySpec = {
  ...dflashSpec,
  name: 'domino',
  parent: dflashSpec.name,
  wantedStates(target, section) {
    const draft = parseDraftSection(draftSchema, section, 'domino');
    return { layerIds: blockLayers(target.layerCount, draft), hasFinal: false };
  },
  open(inputs) {
    const draft = parseDraftSection(draftSchema, inputs.draft, 'domino');
    const { gruSize, correctionRank, shiftLabel, purePrefix } = draft;
    const { anchorsMax, anchorSeed, gamma, baseShareStart, baseShareRatio } = draft;
    const config = { ...blockConfig(draft, inputs), gruSize, correctionRank, shiftLabel, purePrefix };
    const training = { anchorsMax, anchorSeed, gamma, baseShareStart, baseShareRatio };
    const { batchSize: sequences, lengths } = inputs;
    return dominoStrategy({ config, training }, { sequences, lengths });
  },
};
