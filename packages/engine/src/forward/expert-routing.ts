/**
 * Assigns rows to experts. Kernel operations compute the router's scores. The host groups the rows between two kernel
 * runs, because the number of rows per expert is unknown before.
 */
import { defined } from '@plimsoll/foundation';
import type { ExpertsGraph } from '../model/graph.ts';
import { type OperationList, weightOf } from './operation-list.ts';
import type { PlacedLayer } from './placed-model.ts';

/**
 * Writes the chosen experts and their weights, [tokens, expertsPerToken] each, to `selection`, and the experts' input
 * rows to `normed`.
 */
export function pushRouter(list: OperationList, layer: PlacedLayer, graph: ExpertsGraph): void {
  const { hidden, normed, router } = list.layout.buffers;
  const { tokens: rows } = list;
  const { experts: columns, expertsPerToken: k, normalised, routerNorm } = graph;
  const own = weightOf(layer, graph.norm.weight);
  if (routerNorm === null) {
    list.norm(hidden, normed, own, graph.norm);
  } else {
    list.norm(hidden, normed, weightOf(layer, routerNorm.weight), routerNorm);
    const count = rows * own.columns;
    list.push({ op: 'scale', input: normed, output: normed, count, factor: 1 / Math.sqrt(own.columns) });
  }
  list.products(normed, [{ weight: weightOf(layer, 'ffn_gate_inp.weight'), output: router }]);
  const { indices, scores } = selectionOf(list, graph);
  // The weights are a softmax over all experts, or over the chosen ones, which equals dividing by their sum.
  if (!normalised) list.push({ op: 'softmax', values: router, rows, columns });
  list.push({ op: 'top-k', values: router, rows, columns, k, indices, scores });
  if (normalised) list.push({ op: 'softmax', values: scores, rows, columns: k });
  if (routerNorm !== null) list.norm(hidden, normed, own, graph.norm);
}

export function selectionOf(
  list: OperationList,
  { expertsPerToken }: ExpertsGraph,
): { readonly indices: number; readonly scores: number } {
  const indices = list.layout.buffers.selection;
  return { indices, scores: indices + 4 * list.tokens * expertsPerToken };
}

export interface ExpertRows {
  readonly expert: number;
  readonly rows: readonly number[];
  readonly weights: readonly number[];
}

/**
 * Groups rows by expert: experts in ascending order, and the rows of each in ascending order. This order makes the sums
 * independent of how prompts are cut into steps.
 */
export function groupByExpert(
  indices: Uint32Array,
  scores: Float32Array,
  { experts, expertsPerToken }: ExpertsGraph,
): readonly ExpertRows[] {
  const groups = Array.from({ length: experts }, (_, expert) => ({
    expert,
    rows: [] as number[],
    weights: [] as number[],
  }));
  indices.forEach((expert, place) => {
    const group = defined(groups[expert], `there is no expert ${expert}`);
    group.rows.push(Math.floor(place / expertsPerToken));
    group.weights.push(scores[place] ?? 0);
  });
  return groups.filter(({ rows }) => rows.length > 0);
}
