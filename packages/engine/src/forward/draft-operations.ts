/**
 * The input of an EAGLE3 draft (Li et al., 2025, arXiv:2503.01840). A pass begins with captured states of the target, or
 * with states that the draft has computed before. Its layer reads the embedding of the next token beside them.
 */
import { defined } from '@plimsoll/foundation';
import type { JoinedInputGraph } from '../model/graph.ts';
import { type OperationList, weightOf } from './operation-list.ts';
import type { PlacedDraftInput, PlacedLayer, PlacedModel } from './placed-model.ts';
import type { Carried, Turn, Walk } from './walk.ts';

/** The states that a pass of a draft begins with. */
export interface DraftStates {
  /** `captured`: [captured layers, tokens, hidden size of the target]. `own`: [tokens, hidden size]. */
  readonly kind: 'captured' | 'own';
  write(into: Float32Array): void;
}

/** The arena in which a pass reads captured states. */
export function statesArena({ fc, norms: [first] }: PlacedDraftInput): number {
  return (first ?? fc).arena;
}

/** Computes `hidden` from `features`, and carries the embedding of the tokens along. */
export function* pushCapturedStates(walk: Walk, { graph, draftInput }: PlacedModel): Turn<void> {
  const { layers, targetHiddenSize: size } = defined(graph.draftInput, 'a draft reads states');
  const { fc, norms } = defined(draftInput, 'a draft has the weights of its input');
  const { tokens } = walk.list;
  const count = tokens * layers * size;
  const embedded: Carried = { buffer: 'embedded', count: tokens * graph.hiddenSize };
  yield* walk.moveTo((norms[0] ?? fc).arena, [embedded]);
  const { list } = walk;
  const { features, 'feature-rows': rows } = list.layout.buffers;
  const [first] = norms;
  if (norms.length > 1) {
    norms.forEach((weight, layer) => {
      const states = features + 4 * layer * tokens * size;
      list.norm(states, states, weight, { offset: 0 });
    });
  }
  const indices = list.layout.featureRows;
  list.push({
    op: 'gather-rows',
    input: features,
    indices,
    output: rows,
    rows: tokens * layers,
    columns: size,
  });
  if (norms.length === 1 && first !== undefined) list.norm(rows, rows, first, { offset: 0 });
  yield* walk.moveTo(fc.arena, [embedded, { buffer: 'feature-rows', count }]);
  const { buffers } = walk.list.layout;
  walk.list.products(buffers['feature-rows'], [{ weight: fc, output: buffers.hidden }]);
}

/** Writes both halves of the layer's input side by side: the normed embedding, and the normed hidden state. */
export function pushJoined(
  list: OperationList,
  layer: PlacedLayer,
  { hiddenNorm, normsResidual }: JoinedInputGraph,
): void {
  const { embedded, hidden, halves, joined } = list.layout.buffers;
  const { norm } = layer.graph.attention;
  const weight = weightOf(layer, norm.weight);
  const { tokens } = list;
  const { columns } = weight;
  const states = halves + 4 * tokens * columns;
  list.norm(embedded, halves, weight, norm);
  list.norm(hidden, states, weightOf(layer, hiddenNorm.weight), hiddenNorm);
  if (normsResidual) {
    list.push({ op: 'scale', input: states, output: hidden, count: tokens * columns, factor: 1 });
  }
  const indices = list.layout.joinedRows;
  list.push({ op: 'gather-rows', input: halves, indices, output: joined, rows: 2 * tokens, columns });
}
