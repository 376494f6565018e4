/** The dense feed-forward part of a layer, and an expert, which computes the same for some of the rows. */
import type { DenseGraph } from '../model/graph.ts';
import { joinResidual, type OperationList, weightOf } from './operation-list.ts';
import type { PlacedExpert, PlacedLayer, PlacedWeight } from './placed-model.ts';

/** Adds the output of the dense part to the residual stream. */
export function pushDense(list: OperationList, layer: PlacedLayer, graph: DenseGraph): void {
  const output = activate(list, layer, graph);
  joinResidual(list, output, { layer, output: 'ffn_down.weight', postNorm: graph.postNorm });
}

/** Writes the output of the dense part to `output`, without the norm that may follow. */
export function pushDenseTo(
  list: OperationList,
  layer: PlacedLayer,
  { graph, output }: { readonly graph: DenseGraph; readonly output: number },
): void {
  const input = activate(list, layer, graph);
  list.products(input, [{ weight: weightOf(layer, 'ffn_down.weight'), output }]);
}

/** Computes activation(gate) x up, [tokens, width], and returns its address. */
function activate(list: OperationList, layer: PlacedLayer, graph: DenseGraph): number {
  const { buffers } = list.layout;
  const { tokens: rows } = list;
  const { activation, width: columns, fused } = graph;
  list.norm(buffers.hidden, buffers.normed, weightOf(layer, graph.norm.weight), graph.norm);
  const matrices = fused
    ? ([weightOf(layer, 'ffn_gate_up.weight'), null] as const)
    : ([weightOf(layer, 'ffn_gate.weight'), weightOf(layer, 'ffn_up.weight')] as const);
  return pushGated(list, matrices, { input: buffers.normed, rows, columns, activation });
}

interface GatedRows {
  readonly input: number;
  readonly rows: number;
  readonly columns: number;
  readonly activation: 'silu' | 'gelu';
}

/**
 * Computes gate and up rows of `input` and combines them into `activated`. If the second matrix is null, the first
 * holds the rows of both.
 */
function pushGated(
  list: OperationList,
  [first, second]: readonly [PlacedWeight, PlacedWeight | null],
  { input, rows, columns, activation }: GatedRows,
): number {
  const { 'gate-up': gate, activated: output } = list.layout.buffers;
  const strideBytes = second === null ? 8 * columns : 4 * columns;
  const up = second === null ? gate + 4 * columns : gate + rows * strideBytes;
  const others = second === null ? [] : [{ weight: second, output: up }];
  list.products(input, [{ weight: first, output: gate }, ...others], rows);
  const strides = { gateStrideBytes: strideBytes, upStrideBytes: strideBytes };
  list.push({ op: 'gated', activation, gate, up, output, rows, columns, ...strides });
  return output;
}

/** `expert-output` = the expert applied to the first `rows` rows of `expert-input`. */
export function pushExpert(
  list: OperationList,
  expert: PlacedExpert,
  { rows, activation }: { readonly rows: number; readonly activation: 'silu' | 'gelu' },
): void {
  const { 'expert-input': input, 'expert-output': output } = list.layout.buffers;
  const columns = expert.down.columns;
  const active = pushGated(list, [expert.gate, expert.up], { input, rows, columns, activation });
  list.products(active, [{ weight: expert.down, output }], rows);
}
