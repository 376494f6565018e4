/** For tests: trained drafts of a small EAGLE3. */
import { createDoubleArena, type TrainingArena } from '@plimsoll/training';
import {
  type Example,
  exampleVocabulary,
  fillWeights,
  recordExample,
} from '../algorithms/eagle3/eagle3.test-data.ts';
import { type Eagle3Draft, takeWeights } from '../algorithms/eagle3/eagle3-draft.ts';
import type { Eagle3Config } from '../algorithms/eagle3/eagle3-spec.ts';

const plainFlags = { normOutput: false, normLayers: false };
const shape = { sequences: 1, length: 4, trains: false };
const training = { tttLength: 1, stepDecay: 1, loss: { kind: 'kl' } } as const;

export function recordDraft(changes: Partial<Eagle3Config>): Example {
  return recordExample({ ...plainFlags, ...changes }, training, shape);
}

export function trained(changes: Partial<Eagle3Config> = {}): {
  readonly arena: TrainingArena;
  readonly draft: Eagle3Draft;
} {
  const example = recordDraft(changes);
  const arena = createDoubleArena(example.plan, example.parameters);
  fillWeights(example, arena);
  const { config, parameters } = example;
  const weights = takeWeights(parameters, arena, config);
  return {
    arena,
    draft: { config, vocabulary: exampleVocabulary, layerIds: [1, 3, 5], contextMax: 64, weights },
  };
}

export const bits = (values: Float32Array): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);
