/**
 * The weights of an EAGLE3 draft and its steps on a tape. Position i holds the target's feature i and the embedding of
 * token i + 1. Step k reads the state that step k - 1 left at the same index, and token i + 1 + k; its keys are those of
 * step 0, causal, and its own and those of the steps between at the same index.
 */
import { columnsOf, type ParameterSet, type Tape, type Tensor } from '@plimsoll/training';
import {
  attention,
  causalRanges,
  gatherRows,
  linear,
  rmsNorm,
  rope,
  ropeAngles,
} from '@plimsoll/training/operations';
import { recordFeedForward } from '../feed-forward.ts';
import type { Eagle3Config } from './eagle3-spec.ts';

export interface Eagle3Weights {
  /** Frozen: embedding and head of the target. */
  readonly embedding: Tensor;
  readonly targetHead: Tensor;
  readonly layerNorms: readonly Tensor[];
  readonly fc: Tensor;
  readonly inputNorm: Tensor;
  readonly hiddenNorm: Tensor;
  readonly query: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly output: Tensor;
  readonly postNorm: Tensor;
  readonly gate: Tensor;
  readonly up: Tensor;
  readonly down: Tensor;
  readonly norm: Tensor;
  readonly head: Tensor;
}

/** Names are those of published drafts, so that an export renames nothing. */
export function defineEagle3(parameters: ParameterSet, config: Eagle3Config): Eagle3Weights {
  const { hiddenSize, targetHiddenSize, capturedLayers, heads, kvHeads, headDim, intermediateSize } = config;
  const weight = (name: string, rows: number, columns: number): Tensor =>
    parameters.trained(`${name}.weight`, rows, columns);
  const norm = (name: string, size = hiddenSize): Tensor => weight(name, 1, size);
  const layerNorms = config.normLayers ? Array.from({ length: capturedLayers }, (_, layer) => layer) : [];
  return {
    embedding: parameters.frozen('embed_tokens.weight', config.targetVocabulary, hiddenSize),
    targetHead: parameters.frozen('target.lm_head.weight', config.targetVocabulary, targetHiddenSize),
    layerNorms: layerNorms.map((layer) => norm(`fc_norm.${layer}`, targetHiddenSize)),
    fc: weight('fc', hiddenSize, capturedLayers * targetHiddenSize),
    inputNorm: norm('midlayer.input_layernorm'),
    hiddenNorm: norm('midlayer.hidden_norm'),
    query: weight('midlayer.self_attn.q_proj', heads * headDim, 2 * hiddenSize),
    key: weight('midlayer.self_attn.k_proj', kvHeads * headDim, 2 * hiddenSize),
    value: weight('midlayer.self_attn.v_proj', kvHeads * headDim, 2 * hiddenSize),
    output: weight('midlayer.self_attn.o_proj', hiddenSize, heads * headDim),
    postNorm: norm('midlayer.post_attention_layernorm'),
    gate: weight('midlayer.mlp.gate_proj', intermediateSize, hiddenSize),
    up: weight('midlayer.mlp.up_proj', intermediateSize, hiddenSize),
    down: weight('midlayer.mlp.down_proj', hiddenSize, intermediateSize),
    norm: norm('norm'),
    head: weight('lm_head', config.draftVocabulary, hiddenSize),
  };
}

export interface Eagle3Inputs {
  /** [sequences x length, captured layers x target hidden size] */
  readonly features: Tensor;
  /** Token ids that each step embeds, filled before a run. */
  readonly tokenIds: readonly Uint32Array[];
  readonly sequences: number;
}

interface KeysAndValues {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/** Records all steps, and returns the normalised state of each, which the head reads. */
export function recordEagle3Steps(
  tape: Tape,
  config: Eagle3Config,
  weights: Eagle3Weights,
  inputs: Eagle3Inputs,
): readonly Tensor[] {
  let hidden = projectFeatures(tape, config, weights, inputs.features);
  const pairs: KeysAndValues[] = [];
  return inputs.tokenIds.map((tokenIds, step) => {
    const embedded = gatherRows(tape, `step ${step} embedding`, weights.embedding, tokenIds);
    const layer = { step, embedded, hidden, sequences: inputs.sequences, pairs };
    const output = recordLayer(tape, config, weights, layer);
    const { epsilon } = config;
    const normed = rmsNorm(tape, `step ${step} norm`, { input: output, weight: weights.norm }, { epsilon });
    hidden = config.normOutput ? normed : output;
    return normed;
  });
}

/** fc of the captured layers side by side. */
function projectFeatures(tape: Tape, config: Eagle3Config, weights: Eagle3Weights, features: Tensor): Tensor {
  const { targetHiddenSize: width, epsilon } = config;
  if (!config.normLayers) return linear(tape, 'fc', [{ input: features, weight: weights.fc }]);
  const terms = weights.layerNorms.map((weight, layer) => ({
    input: rmsNorm(
      tape,
      `norm of layer ${layer}`,
      { input: columnsOf(features, layer * width, width), weight },
      { epsilon },
    ),
    weight: columnsOf(weights.fc, layer * width, width),
  }));
  return linear(tape, 'fc', terms);
}

interface LayerState {
  readonly step: number;
  readonly embedded: Tensor;
  readonly hidden: Tensor;
  readonly sequences: number;
  /** Keys and values of earlier steps; the layer adds its own. */
  readonly pairs: KeysAndValues[];
}

function recordLayer(tape: Tape, config: Eagle3Config, weights: Eagle3Weights, layer: LayerState): Tensor {
  const { epsilon } = config;
  const { step, hidden } = layer;
  const name = (part: string): string => `step ${step} ${part}`;
  const attended = recordAttention(tape, config, weights, layer);
  return recordFeedForward(tape, name, weights, { hidden, attended, epsilon });
}

function recordAttention(
  tape: Tape,
  config: Eagle3Config,
  weights: Eagle3Weights,
  layer: LayerState,
): Tensor {
  const { hiddenSize, heads, kvHeads, headDim, epsilon } = config;
  const { step, embedded, hidden, sequences, pairs } = layer;
  const name = (part: string): string => `step ${step} ${part}`;
  const input = rmsNorm(
    tape,
    name('input norm'),
    { input: embedded, weight: weights.inputNorm },
    { epsilon },
  );
  const state = rmsNorm(
    tape,
    name('hidden norm'),
    { input: hidden, weight: weights.hiddenNorm },
    { epsilon },
  );
  // A weight of [outputs, 2 x hidden] reads the concatenation of both, which is never made.
  const project = (part: string, weight: Tensor): Tensor =>
    linear(tape, name(part), [
      { input, weight: columnsOf(weight, 0, hiddenSize) },
      { input: state, weight: columnsOf(weight, hiddenSize, hiddenSize) },
    ]);
  const length = hidden.rows / sequences;
  const positions = Array.from({ length: hidden.rows }, (_, row) => (row % length) + step);
  const angles = { base: config.ropeBase, rotaryDim: headDim, scaling: { kind: 'none' } } as const;
  const table = ropeAngles(angles, positions);
  const shape = { headDim, rotaryDim: headDim, table };
  const queries = rope(tape, name('turned q'), project('q', weights.query), { ...shape, heads });
  const keys = rope(tape, name('turned k'), project('k', weights.key), { ...shape, heads: kvHeads });
  pairs.push({ keys, values: project('v', weights.value) });
  const [base = pairs[0], ...diagonals] = pairs;
  if (base === undefined) throw new Error('step 0 has added its keys');
  const visible = causalRanges(sequences, length);
  const sizes = { sequences, heads, kvHeads, headDim, scale: headDim ** -0.5, visible };
  return attention(tape, name('attention'), { queries, ...base, diagonals }, sizes);
}
