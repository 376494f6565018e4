/** The weights of a DFlash draft and its pass over blocks on a tape. */
import type { ParameterSet, Tape, Tensor } from '@plimsoll/training';
import { attention, gatherRows, joinRows, linear, rmsNorm, rope } from '@plimsoll/training/operations';
import { recordFeedForward } from '../feed-forward.ts';
import type { DFlashConfig } from './dflash-spec.ts';

export type DFlashWeights = ReturnType<typeof defineDFlash>;
type LayerWeights = DFlashWeights['layers'][number];

/** Names are those of published drafts, so that an export renames nothing. */
export function defineDFlash(parameters: ParameterSet, config: DFlashConfig) {
  const { hiddenSize, heads, kvHeads, headDim, intermediateSize, vocabulary } = config;
  const weight = (name: string, rows: number, columns: number): Tensor =>
    parameters.trained(`${name}.weight`, rows, columns);
  return {
    /** Frozen: embedding and head of the target. */
    embedding: parameters.frozen('embed_tokens.weight', vocabulary, hiddenSize),
    head: parameters.frozen('target.lm_head.weight', vocabulary, hiddenSize),
    fc: weight('fc', hiddenSize, config.capturedLayers * hiddenSize),
    hiddenNorm: weight('hidden_norm', 1, hiddenSize),
    norm: weight('norm', 1, hiddenSize),
    layers: config.layerWindows.map((_, layer) => ({
      inputNorm: weight(`layers.${layer}.input_layernorm`, 1, hiddenSize),
      query: weight(`layers.${layer}.self_attn.q_proj`, heads * headDim, hiddenSize),
      key: weight(`layers.${layer}.self_attn.k_proj`, kvHeads * headDim, hiddenSize),
      value: weight(`layers.${layer}.self_attn.v_proj`, kvHeads * headDim, hiddenSize),
      output: weight(`layers.${layer}.self_attn.o_proj`, hiddenSize, heads * headDim),
      queryNorm: weight(`layers.${layer}.self_attn.q_norm`, 1, headDim),
      keyNorm: weight(`layers.${layer}.self_attn.k_norm`, 1, headDim),
      postNorm: weight(`layers.${layer}.post_attention_layernorm`, 1, hiddenSize),
      gate: weight(`layers.${layer}.mlp.gate_proj`, intermediateSize, hiddenSize),
      up: weight(`layers.${layer}.mlp.up_proj`, intermediateSize, hiddenSize),
      down: weight(`layers.${layer}.mlp.down_proj`, hiddenSize, intermediateSize),
    })),
  };
}

/** What a batch fills before a run. */
export interface DFlashInputs {
  /** [sequences x length, captured layers x hidden size] */
  readonly features: Tensor;
  /** Token ids of the blocks, anchors and masks: [sequences x blocks x blockSize]. */
  readonly tokenIds: Uint32Array;
  /** Angles of the blocks' tokens, and of context and blocks together in every sequence. */
  readonly queryAngles: Float32Array;
  readonly keyAngles: Float32Array;
  /** Visible keys of the blocks' tokens, for each layer. */
  readonly visible: readonly Uint32Array[];
  readonly sequences: number;
}

/** Records the draft, and returns the normalised state of every token of the blocks. */
export function recordDFlash(
  tape: Tape,
  config: DFlashConfig,
  weights: DFlashWeights,
  inputs: DFlashInputs,
): Tensor {
  const { epsilon } = config;
  const projected = linear(tape, 'fc', [{ input: inputs.features, weight: weights.fc }]);
  const context = rmsNorm(tape, 'context', { input: projected, weight: weights.hiddenNorm }, { epsilon });
  let hidden = gatherRows(tape, 'embedding', weights.embedding, inputs.tokenIds);
  for (const [index, layer] of weights.layers.entries())
    hidden = recordLayer(tape, config, layer, { hidden, context, inputs, index });
  return rmsNorm(tape, 'norm', { input: hidden, weight: weights.norm }, { epsilon });
}

interface LayerState {
  readonly hidden: Tensor;
  readonly context: Tensor;
  readonly inputs: DFlashInputs;
  readonly index: number;
}

function recordLayer(tape: Tape, config: DFlashConfig, weights: LayerWeights, state: LayerState): Tensor {
  const { epsilon } = config;
  const { hidden } = state;
  const name = (part: string): string => `layer ${state.index} ${part}`;
  const attended = recordAttention(tape, config, weights, state);
  return recordFeedForward(tape, name, weights, { hidden, attended, epsilon });
}

/** Queries of the blocks; keys and values of the context, which the layer does not change, and of the blocks. */
function recordAttention(tape: Tape, config: DFlashConfig, weights: LayerWeights, state: LayerState): Tensor {
  const { heads, kvHeads, headDim, epsilon } = config;
  const { hidden, context, inputs, index } = state;
  const { sequences } = inputs;
  const name = (part: string): string => `layer ${index} ${part}`;
  const input = rmsNorm(tape, name('input norm'), { input: hidden, weight: weights.inputNorm }, { epsilon });
  const joined = joinRows(tape, name('context and blocks'), { first: context, second: input }, sequences);
  const turned = (
    part: string,
    projected: Tensor,
    { weight, groups, table }: { weight: Tensor; groups: number; table: Float32Array },
  ): Tensor => {
    const normed = rmsNorm(tape, name(`${part} norm`), { input: projected, weight }, { epsilon, groups });
    return rope(tape, name(`turned ${part}`), normed, { heads: groups, headDim, rotaryDim: headDim, table });
  };
  const queries = turned('q', linear(tape, name('q'), [{ input, weight: weights.query }]), {
    ...{ weight: weights.queryNorm, groups: heads, table: inputs.queryAngles },
  });
  const keys = turned('k', linear(tape, name('k'), [{ input: joined, weight: weights.key }]), {
    ...{ weight: weights.keyNorm, groups: kvHeads, table: inputs.keyAngles },
  });
  const values = linear(tape, name('v'), [{ input: joined, weight: weights.value }]);
  const visible = inputs.visible[index];
  if (visible === undefined) throw new Error('every layer has its visible keys');
  const shape = { sequences, heads, kvHeads, headDim, scale: headDim ** -0.5, visible };
  return attention(tape, name('attention'), { queries, keys, values }, shape);
}
