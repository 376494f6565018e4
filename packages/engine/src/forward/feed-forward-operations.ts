/** The dense feed-forward part of a layer, and one expert, which is the same on some rows. */
import type { DenseGraph } from '../model/graph.ts';
import { joinResidual, type OperationList, weightOf } from './operation-list.ts';
import type { PlacedExpert, PlacedLayer } from './placed-model.ts';

export function pushDense(list: OperationList, layer: PlacedLayer, graph: DenseGraph): void {
  const { buffers } = list.layout;
  const { tokens: rows } = list;
  const { activation, width: columns, fused } = graph;
  list.norm(buffers.hidden, buffers.normed, weightOf(layer, graph.norm.weight), graph.norm);
  const gate = buffers['gate-up'];
  const strideBytes = fused ? 8 * columns : 4 * columns;
  const up = fused ? gate + 4 * columns : gate + rows * strideBytes;
  if (fused) {
    list.products(buffers.normed, [{ weight: weightOf(layer, 'ffn_gate_up.weight'), output: gate }]);
  } else {
    list.products(buffers.normed, [
      { weight: weightOf(layer, 'ffn_gate.weight'), output: gate },
      { weight: weightOf(layer, 'ffn_up.weight'), output: up },
    ]);
  }
  const output = buffers.activated;
  const strides = { gateStrideBytes: strideBytes, upStrideBytes: strideBytes };
  list.push({ op: 'gated', activation, gate, up, output, rows, columns, ...strides });
  joinResidual(list, output, { layer, output: 'ffn_down.weight', postNorm: graph.postNorm });
}

/** `expert-output` = the expert applied to the first `rows` rows of `expert-input`. */
export function pushExpert(
  list: OperationList,
  expert: PlacedExpert,
  { rows, activation }: { readonly rows: number; readonly activation: 'silu' | 'gelu' },
): void {
  const { buffers } = list.layout;
  const columns = expert.gate.rows;
  const gate = buffers['gate-up'];
  const strideBytes = 4 * columns;
  const up = gate + rows * strideBytes;
  list.products(
    buffers['expert-input'],
    [
      { weight: expert.gate, output: gate },
      { weight: expert.up, output: up },
    ],
    rows,
  );
  const output = buffers.activated;
  const strides = { gateStrideBytes: strideBytes, upStrideBytes: strideBytes };
  list.push({ op: 'gated', activation, gate, up, output, rows, columns, ...strides });
  list.products(output, [{ weight: expert.down, output: buffers['expert-output'] }], rows);
}
