/** A layer: attention, feed-forward, and the additions of Gemma 4: an embedding per layer and an output scale. */
import { defined } from '@plimsoll/foundation';
import type { LayerInputGraph, LayerInputsGraph } from '../model/graph.ts';
import { pushAttention } from './attention-operations.ts';
import { pushExperts, pushMixed } from './expert-operations.ts';
import { pushDense } from './feed-forward-operations.ts';
import { joinResidual, type OperationList, weightOf } from './operation-list.ts';
import type { PlacedLayer, PlacedModel } from './placed-model.ts';
import type { RotationTables } from './step-tables.ts';
import type { Carried, Turn, Walk } from './walk.ts';

export interface LayerStep {
  readonly model: PlacedModel;
  readonly rotations: RotationTables;
}

export function* pushLayer(walk: Walk, layer: PlacedLayer, { model, rotations }: LayerStep): Turn<void> {
  yield* walk.moveTo(layer.arena, residualRows(model, walk.list.tokens));
  yield* pushAttention(walk, layer, rotations);
  const { feedForward, layerInput } = layer.graph;
  switch (feedForward.kind) {
    case 'dense':
      pushDense(walk.list, layer, feedForward);
      break;
    case 'experts':
      yield* pushExperts(walk, layer, feedForward);
      break;
    case 'mixed':
      yield* pushMixed(walk, layer, feedForward);
      break;
  }
  if (layerInput !== null) pushLayerInput(walk.list, layer, { graph: layerInput, model });
  pushOutputScale(walk, layer);
}

/** The rows that every layer reads from the layers before it. */
function residualRows({ graph, inputs, draftInput }: PlacedModel, tokens: number): readonly Carried[] {
  const hidden: Carried = { buffer: 'hidden', count: tokens * graph.hiddenSize };
  if (draftInput !== null) return [hidden, { ...hidden, buffer: 'embedded' }];
  if (inputs === null) return [hidden];
  return [hidden, { buffer: 'layer-inputs', count: tokens * inputs.table.columns }];
}

/** Computes `layer-inputs` of all layers, [tokens, layers x width], from the tokens and their embedding in `hidden`. */
export function pushLayerInputs(list: OperationList, model: PlacedModel, graph: LayerInputsGraph): void {
  const { table, projection, norm } = defined(
    model.inputs,
    'a graph with inputs of layers has their weights',
  );
  const { tokens, layout } = list;
  const { hidden, 'layer-inputs': inputs, 'layer-projection': projected } = layout.buffers;
  const { format, pointer: weights, rows, columns } = table;
  const count = tokens * columns;
  const scale = (target: number, factor: number): void =>
    list.push({ op: 'scale', input: target, output: target, count, factor });
  list.products(hidden, [{ weight: projection, output: projected }]);
  scale(projected, graph.projectionScale);
  list.norm(projected, projected, norm, { offset: 0, rows: count / graph.width });
  const tokenIds = layout.tokenIds;
  list.push({ op: 'embed', format, weights, tokenIds, output: inputs, tokens, rows, columns });
  scale(inputs, graph.tableScale);
  list.add(inputs, projected, count, count);
  scale(inputs, graph.scale);
}

function pushLayerInput(
  list: OperationList,
  layer: PlacedLayer,
  { graph, model }: { readonly graph: LayerInputGraph; readonly model: PlacedModel },
): void {
  const { tokens: rows } = list;
  const { hidden, 'layer-inputs': inputs, 'gate-up': gate, activated: output } = list.layout.buffers;
  const weight = weightOf(layer, 'inp_gate.weight');
  const columns = weight.rows;
  const all = defined(model.inputs, 'a layer with an input is of a model with inputs').table.columns;
  list.products(hidden, [{ weight, output: gate }]);
  const { activation, postNorm } = graph;
  const up = inputs + 4 * columns * layer.index;
  const strides = { gateStrideBytes: 4 * columns, upStrideBytes: 4 * all };
  list.push({ op: 'gated', activation, gate, up, output, rows, columns, ...strides });
  joinResidual(list, output, { layer, output: 'proj.weight', postNorm });
}

/** The host reads the factor, one f32, from the weights: they are loaded before any operation is made. */
function pushOutputScale(walk: Walk, layer: PlacedLayer): void {
  const weight = layer.weights.get('layer_output_scale.weight');
  if (weight === undefined) return;
  const [factor = 1] = new Float32Array(walk.buffer(weight.arena), weight.pointer, 1);
  const { list } = walk;
  const { hidden } = list.layout.buffers;
  const count = list.tokens * weightOf(layer, 'attn_output.weight').rows;
  list.push({ op: 'scale', input: hidden, output: hidden, count, factor });
}
