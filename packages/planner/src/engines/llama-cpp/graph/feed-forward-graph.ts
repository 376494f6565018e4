/** Feed-forward parts of a layer (llama-graph.cpp: build_ffn, build_moe_ffn). */
import type { MlpSpec } from '@plimsoll/model-files/spec';
import type { EngineLayer } from '../engine-model.ts';
import type { EngineRules } from '../engine-rules.ts';
import type { FamilyTraits } from '../family-traits.ts';
import type { GraphOperations } from './graph-operations.ts';
import type { GraphTensor } from './graph-tensor.ts';

export interface FeedForwardContext {
  readonly operations: GraphOperations;
  readonly traits: FamilyTraits;
  readonly rules: EngineRules;
  /** Token ids, by which some layers look their experts up in a table. */
  readonly tokenIds?: GraphTensor;
}

export function feedForward(
  context: FeedForwardContext,
  layer: EngineLayer,
  input: GraphTensor,
): GraphTensor {
  const { mlp, weights } = layer;
  if (mlp.kind === 'none') return input;
  if (mlp.kind === 'dense') return denseFeedForward(context, layer, input, 'ffn_{}');
  const routed = expertFeedForward(context, layer, mlp, input);
  if (!weights.has('ffn_up_shexp.weight')) return routed;
  const { operations } = context;
  let shared = denseFeedForward(context, layer, input, 'ffn_{}_shexp');
  const gate = operations.linear(weights, 'ffn_gate_inp_shexp', input);
  if (gate !== null) shared = operations.inPlace(shared, operations.inPlace(gate));
  return operations.inPlace(routed, shared);
}

/** `names` has a placeholder for gate, up and down. A fused pair is one `up` of double width. */
function denseFeedForward(
  context: FeedForwardContext,
  { weights }: EngineLayer,
  input: GraphTensor,
  names: string,
): GraphTensor {
  const { operations } = context;
  const name = (part: string): string => names.replace('{}', part);
  const up = operations.linear(weights, name('up'), input) ?? input;
  const gate = operations.linear(weights, name('gate'), input);
  const downRows = weights.get(`${name('down')}.weight`)?.shape.at(-1) ?? up.shape[0];
  const active = gate === null ? ungated(context, up, downRows) : gatedUnit(context, gate, up);
  return operations.linear(weights, name('down'), active) ?? active;
}

/** Activation of one matrix: in place, or over the two halves of a fused pair. */
function ungated({ operations, rules }: FeedForwardContext, up: GraphTensor, downRows: number): GraphTensor {
  if (up.shape[0] === downRows) return operations.inPlace(up);
  const [, columns, batch] = up.shape;
  const shape = [downRows, columns, batch];
  if (rules.fusedGatedUnit) return operations.graph.operation('other', [up], shape);
  const half = (name: string): GraphTensor =>
    operations.contiguous(operations.graph.view(up, shape, ` ${name} half`), shape);
  return operations.inPlace(operations.inPlace(half('gate')), half('up'));
}

function gatedUnit(
  { operations, rules }: FeedForwardContext,
  gate: GraphTensor,
  up: GraphTensor,
): GraphTensor {
  if (rules.fusedGatedUnit) return operations.graph.operation('other', [gate, up], gate.shape);
  return operations.inPlace(operations.inPlace(gate), up);
}

type ExpertMlp = Extract<MlpSpec, { readonly kind: 'moe' }>;

function expertFeedForward(
  context: FeedForwardContext,
  layer: EngineLayer,
  mlp: ExpertMlp,
  input: GraphTensor,
): GraphTensor {
  const { operations, rules } = context;
  const { graph } = operations;
  const { weights } = layer;
  const tokens = input.shape[1];
  const { chosen, shares } = route(context, layer, mlp, input);
  if (rules.expertsOneByOne) return expertsInTurn(context, layer, mlp, { input, chosen, shares });
  if (rules.earlyExpertWeights) graph.expand(shares);
  const wide = graph.view(input, [input.shape[0], 1, tokens]);
  const project = (part: string, source: GraphTensor): GraphTensor | null => {
    const weight = weights.get(`ffn_${part}_exps.weight`);
    if (weight === undefined) return null;
    const rows = weight.shape.at(-2) ?? 1;
    const shape = [rows, mlp.expertsPerToken, tokens];
    const product = graph.operation('multiply-experts', [operations.weight(weight), source, chosen], shape);
    const bias = weights.get(`ffn_${part}_exps.bias`);
    return bias === undefined ? product : operations.inPlace(product, operations.weight(bias), chosen);
  };
  const up = project('up', wide);
  const gate = project('gate', wide);
  const active = activateExperts(context, gate, up ?? wide);
  const down = project('down', active) ?? active;
  return sumExperts(context, operations.inPlace(down, shares), mlp.expertsPerToken);
}

interface RoutedInput {
  readonly input: GraphTensor;
  readonly chosen: GraphTensor;
  readonly shares: GraphTensor;
}

/** Computes one chosen expert after the other and adds each result to the sum. */
function expertsInTurn(
  { operations }: FeedForwardContext,
  { weights }: EngineLayer,
  mlp: ExpertMlp,
  { input, chosen, shares }: RoutedInput,
): GraphTensor {
  const { graph } = operations;
  const tokens = input.shape[1];
  const project = (part: string, source: GraphTensor): GraphTensor => {
    const weight = weights.get(`ffn_${part}_exps.weight`);
    if (weight === undefined) return source;
    const rows = weight.shape.at(-2) ?? 1;
    return graph.operation('multiply-experts', [operations.weight(weight), chosen, source], [rows, tokens]);
  };
  let sum: GraphTensor | null = null;
  for (let index = 0; index < mlp.expertsPerToken; index++) {
    const up = project('up', input);
    const active = operations.inPlace(up, operations.inPlace(project('gate', input)));
    const share = graph.view(shares, [1, tokens], ` share ${index}`);
    const expert = operations.inPlace(project('down', active), share);
    sum = sum === null ? expert : operations.inPlace(sum, expert);
  }
  return sum ?? input;
}

function activateExperts(
  context: FeedForwardContext,
  gate: GraphTensor | null,
  up: GraphTensor,
): GraphTensor {
  const { operations, rules } = context;
  if (gate === null) return operations.inPlace(up);
  if (rules.fusedGatedUnit) return operations.graph.operation('other', [gate, up], gate.shape);
  // Unlike the dense part, this product overwrites `up`.
  return operations.inPlace(up, operations.inPlace(gate));
}

/** Computes scores, chooses experts and computes their shares. */
function route(
  { operations, traits, tokenIds }: FeedForwardContext,
  { weights }: EngineLayer,
  mlp: ExpertMlp,
  input: GraphTensor,
): { readonly chosen: GraphTensor; readonly shares: GraphTensor } {
  const { graph } = operations;
  const tokens = input.shape[1];
  const { experts, expertsPerToken: used } = mlp;
  const logits = operations.linear(weights, 'ffn_gate_inp', input) ?? input;
  const scores = traits.router === 'softmax-of-chosen' ? logits : operations.inPlace(logits);
  const byTable = weights.get('ffn_gate_tid2eid.weight');
  const choose = (): GraphTensor => {
    if (byTable !== undefined && tokenIds !== undefined) {
      const sources = [operations.weight(byTable), tokenIds];
      return graph.operation('get-rows', sources, [used, tokens], { element: 'i32' });
    }
    const selection = operations.addWeight(weights, 'exp_probs_b.bias', scores);
    const sorted = graph.operation('sort', [selection], [experts, tokens], { element: 'i32' });
    return graph.view(sorted, [used, tokens], ' first');
  };
  const chosen = choose();
  const table = graph.view(scores, [1, experts, tokens]);
  let shares = operations.rows(table, chosen, [1, used, tokens]);
  if (traits.router === 'softmax-of-chosen') {
    shares = graph.view(operations.inPlace(graph.view(shares, [used, tokens])), [1, used, tokens]);
  }
  if (traits.normalisesExpertWeights) {
    const flat = graph.view(shares, [used, tokens]);
    const sum = graph.operation('other', [flat], [1, tokens]);
    shares = graph.view(operations.inPlace(flat, sum), [1, used, tokens]);
  }
  if (traits.scalesExpertWeights) shares = operations.inPlace(shares);
  return { chosen, shares };
}

/** Adds the results of the chosen experts one by one. The first sum has its own memory. */
function sumExperts({ operations }: FeedForwardContext, experts: GraphTensor, used: number): GraphTensor {
  const { graph } = operations;
  const [hidden, , tokens] = experts.shape;
  const parts = Array.from({ length: used }, (_, index) =>
    graph.view(experts, [hidden, tokens], ` expert ${index}`),
  );
  for (const part of parts) graph.expand(part);
  let sum = parts[0] ?? experts;
  for (const part of parts.slice(1)) sum = operations.inPlace(sum, part);
  return used === 1 ? operations.contiguous(sum, [hidden, tokens]) : sum;
}
