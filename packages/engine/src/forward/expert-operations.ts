/**
 * Experts of a layer. The host reads the router's choices and then assigns rows to experts, so the operations of a step
 * with experts differ from step to step and are not kept. Experts may lie in other arenas than their layer.
 */
import { defined } from '@plimsoll/foundation';
import type { ExpertsGraph, MixedGraph } from '../model/graph.ts';
import { type ExpertRows, groupByExpert, pushRouter, selectionOf } from './expert-routing.ts';
import { pushDenseTo, pushExpert } from './feed-forward-operations.ts';
import { weightOf } from './operation-list.ts';
import type { PlacedLayer } from './placed-model.ts';
import type { Turn, Walk } from './walk.ts';

/** A feed-forward part that has experts only. Adds their output to the residual stream. */
export function* pushExperts(walk: Walk, layer: PlacedLayer, graph: ExpertsGraph): Turn<void> {
  yield* sumExperts(walk, layer, { graph, target: 'hidden' });
}

/**
 * A feed-forward part with a dense part and experts:
 *
 *   expert-sum = norm(sum of experts)   expert-input = norm(dense) + expert-sum   hidden += norm(expert-input)
 */
export function* pushMixed(walk: Walk, layer: PlacedLayer, graph: MixedGraph): Turn<void> {
  yield* sumExperts(walk, layer, { graph: graph.experts, target: 'expert-sum' });
  const { list } = walk;
  const { hidden, normed, 'expert-sum': expertSum, 'expert-input': sum } = list.layout.buffers;
  const { dense, expertsPostNorm, postNorm } = graph;
  list.norm(expertSum, expertSum, weightOf(layer, expertsPostNorm.weight), expertsPostNorm);
  pushDenseTo(list, layer, { graph: dense, output: sum });
  list.norm(sum, sum, weightOf(layer, dense.postNorm.weight), dense.postNorm);
  const last = weightOf(layer, postNorm.weight);
  const count = list.tokens * last.columns;
  list.add(sum, expertSum, count, count);
  list.norm(sum, normed, last, postNorm);
  list.add(hidden, normed, count, count);
}

interface ExpertSum {
  readonly graph: ExpertsGraph;
  /** The experts' output is added to `hidden`; `expert-sum` is set to zero first. */
  readonly target: 'hidden' | 'expert-sum';
}

function* sumExperts(walk: Walk, layer: PlacedLayer, { graph, target }: ExpertSum): Turn<void> {
  const { indices, scores } = selectionOf(walk.list, graph);
  const { tokens, layout } = walk.list;
  pushRouter(walk.list, layer, graph);
  yield* walk.settle();
  const memory = walk.buffer(layout.arena);
  const count = tokens * graph.expertsPerToken;
  const chosen = new Uint32Array(memory, indices, count);
  const shares = new Float32Array(memory, scores, count).slice();
  const groups = groupByExpert(chosen.slice(), shares, graph);
  const columns = weightOf(layer, graph.norm.weight).columns;
  if (target === 'expert-sum') new Float32Array(memory, layout.buffers[target], tokens * columns).fill(0);
  // From here on the memory of the choices holds the row numbers of each expert, in the order of the experts.
  chosen.set(groups.flatMap(({ rows }) => rows));
  let first = 0;
  for (const group of groups) {
    const place = { indices: indices + 4 * first, target: layout.buffers[target] };
    yield* addExpert(walk, layer, { graph, group, columns, ...place });
    first += group.rows.length;
  }
  yield* walk.settle();
}

interface ExpertPart {
  readonly graph: ExpertsGraph;
  readonly group: ExpertRows;
  readonly columns: number;
  /** Address of the expert's row numbers. */
  readonly indices: number;
  readonly target: number;
}

/** Gathers the rows of one expert, computes them, and adds them to the target with their weights. */
function* addExpert(walk: Walk, layer: PlacedLayer, part: ExpertPart): Turn<void> {
  const { graph, group, columns, indices, target } = part;
  const expert = defined(layer.experts[group.expert], `layer ${layer.index} has expert ${group.expert}`);
  const { arena, buffers } = walk.list.layout;
  const rows = group.rows.length;
  const count = rows * columns;
  const output = buffers['expert-input'];
  walk.list.push({ op: 'gather-rows', input: buffers.normed, indices, output, rows, columns });
  yield* walk.moveTo(expert.down.arena, [{ buffer: 'expert-input', count }]);
  pushExpert(walk.list, expert, { rows, activation: graph.activation });
  yield* walk.moveTo(arena, [{ buffer: 'expert-output', count }]);
  const scale = graph.scaled ? scaleOf(walk, layer, group.expert) : 1;
  group.rows.forEach((row, place) => {
    const left = target + 4 * columns * row;
    const right = buffers['expert-output'] + 4 * columns * place;
    const factor = scale * (group.weights[place] ?? 0);
    walk.list.push({ op: 'add', left, right, output: left, count: columns, period: columns, factor });
  });
}

function scaleOf(walk: Walk, layer: PlacedLayer, expert: number): number {
  const { arena, pointer } = weightOf(layer, 'ffn_down_exps.scale');
  return defined(new Float32Array(walk.buffer(arena), pointer + 4 * expert, 1)[0], 'a number per expert');
}
