/**
 * Embedding and head of the target in f32: all that a training reads of the target itself. The head turns stored final states
 * into the target's distribution. A quantised target gives the values that its engine multiplies.
 */
import type { Model } from '@plimsoll/engine';
import { readTable } from '@plimsoll/engine/tables';
import { PlimsollError } from '@plimsoll/foundation';

/** Each [vocabulary, hidden size]. */
export interface TargetTables {
  readonly embedding: Float32Array;
  readonly head: Float32Array;
}

/** Throws `unsupported-target`, `unread-table` or `tensor-truncated`. */
export async function readTargetTables(model: Model): Promise<TargetTables> {
  const { graph, path } = model;
  if (graph.logitSoftCap !== null || (graph.embeddingScale ?? 1) !== 1)
    throw new PlimsollError({
      code: 'unsupported-target',
      message: `a draft cannot share the embedding and head of ${path}: it scales its embeddings or caps its logits`,
      value: path,
      limit: 'plain embeddings and logits',
      hint: 'train a draft for another target',
    });
  const embedding = await readTable(model, 'token_embd.weight');
  return { embedding, head: graph.tiedHead ? embedding : await readTable(model, 'output.weight') };
}
