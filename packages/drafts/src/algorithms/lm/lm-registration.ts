/** Next-token training for the registry: a small decoder without a target. */
import { PlimsollError } from '@plimsoll/foundation';
import { z } from 'zod';
import { writeLlama } from '../../export/llama-model.ts';
import { parseDraftSection } from '../draft-section.ts';
import type { StrategySpec } from '../strategy-spec.ts';
import { lmFeatures } from './lm-collate.ts';
import { LmStrategy } from './lm-strategy.ts';

const size = z.int().positive();

const draftSchema = z
  .strictObject({
    vocabulary: size,
    hiddenSize: size,
    layers: size,
    heads: size,
    kvHeads: size,
    headDim: size.multipleOf(2),
    intermediateSize: size,
    epsilon: z.number().positive().default(1e-5),
    ropeBase: z.number().positive().default(10_000),
  })
  .refine(({ heads, kvHeads }) => heads % kvHeads === 0, { path: ['kvHeads'], message: 'it divides heads' });

export const lmSpec: StrategySpec = {
  name: 'lm',
  parent: null,
  sampleKind: 'capture',
  features: lmFeatures,
  supervisedRunMin: 1,
  batchSize: null,
  vocabulary: 'target',
  exportForm: 'draft',
  wantedStates: () => null,
  open({ draft, target, batchSize, lengths }) {
    const config = parseDraftSection(draftSchema, draft, 'lm');
    if (target !== null && config.vocabulary < target.vocabularySize)
      throw new PlimsollError({
        code: 'bad-draft-config',
        message: `draft.vocabulary of lm is ${config.vocabulary}, and the tokenizer has ${target.vocabularySize} tokens`,
        value: config.vocabulary,
        limit: `at least ${target.vocabularySize}`,
        hint: `set draft.vocabulary to ${target.vocabularySize}`,
      });
    return new LmStrategy({ config, sequences: batchSize, lengths });
  },
  async writeDraft({ folder, inputs, parameters, arena, contextMax, targetFolder, weightsType }) {
    const config = parseDraftSection(draftSchema, inputs.draft, 'lm');
    await writeLlama({
      folder,
      config,
      parameters,
      arena,
      contextMax,
      weightsType,
      tokenizerFolder: targetFolder,
    });
  },
};
