/** Refuses a draft that was made for another model. */
import { PlimsollError } from '@plimsoll/foundation';
import { usualCapturedLayers } from '../load/draft-config.ts';
import type { Model } from '../load/model.ts';

/** Refuses an EAGLE3 draft as the model: it computes nothing without its target. */
export function checkModel({ graph, spec }: Model): void {
  if (graph.draftInput === null) return;
  throw new PlimsollError({
    code: 'draft-without-target',
    message: `${spec.id} is an EAGLE3 draft, which generates nothing without its target`,
    value: spec.id,
    limit: 'a model',
    hint: 'name its target as the model and this draft with --draft',
  });
}

/** Returns the layers of the target that a draft reads. Throws `draft-target` if the sizes of both differ. */
export function capturedLayers(target: Model, draft: Model): readonly number[] {
  const { draftInput, hiddenSize } = draft.graph;
  const ownEmbedding = draft.spec.tensors.some(({ role }) => role === 'token-embedding');
  const layerCount = target.graph.layers.length;
  const layers = draft.draft?.layerIds ?? usualCapturedLayers(layerCount);
  const sizes: readonly (readonly [name: string, wanted: number | undefined, found: number])[] = [
    ['hidden size', draftInput?.targetHiddenSize, target.graph.hiddenSize],
    ['vocabulary', draft.graph.vocabSize, target.graph.vocabSize],
    ['embedding size', ownEmbedding ? target.graph.hiddenSize : hiddenSize, target.graph.hiddenSize],
  ];
  for (const [name, wanted, found] of sizes) {
    if (wanted === found) continue;
    throw otherTarget(target, draft, {
      problem: `it needs a target with a ${name} of ${wanted}; this model has ${found}`,
      value: found,
      limit: wanted ?? 0,
    });
  }
  for (const layer of layers) {
    if (layer >= -1 && layer < layerCount) continue;
    throw otherTarget(target, draft, {
      problem: `it reads layer ${layer}; this model has the layers 0 to ${layerCount - 1}`,
      value: layer,
      limit: layerCount - 1,
    });
  }
  return layers;
}

interface Difference {
  readonly problem: string;
  readonly value: number;
  readonly limit: number;
}

function otherTarget(target: Model, draft: Model, { problem, value, limit }: Difference): PlimsollError {
  return new PlimsollError({
    code: 'draft-target',
    message: `the draft ${draft.spec.id} was not made for ${target.spec.id}: ${problem}`,
    value,
    limit,
    hint: 'take the draft that was trained for this model, or leave out --draft',
  });
}
