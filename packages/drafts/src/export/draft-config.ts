/**
 * config.json of an EAGLE3 draft, in two forms. `native` is what SGLang and vLLM load beside keys of SpecForge;
 * `speculators` is the form of vLLM's speculators library, which states target and drafted tokens, so that vLLM serves the
 * folder without further settings.
 *
 * The two engines number captured layers differently. SGLang reads `eagle_config` and counts layers by their output, from
 * 0; vLLM reads the key at the top and counts by input, so that output 0 is 1 there.
 */
import type { Eagle3Draft } from '../algorithms/eagle3/eagle3-draft.ts';

export type DraftForm = 'native' | 'speculators';
export type WeightsType = 'F32' | 'BF16';

/** What the weights do not know. */
export interface DraftTarget {
  /** Name or path of the target, as its server is started with. */
  readonly id: string;
  /** `architectures` of the target's config.json; empty if it is not known. */
  readonly architectures: readonly string[];
  /** Tokens that the draft was trained to propose in a row. */
  readonly draftTokens: number;
}

export type JsonObject = Readonly<Record<string, unknown>>;

const dtypes: Readonly<Record<WeightsType, string>> = { F32: 'float32', BF16: 'bfloat16' };

export function draftConfig(
  draft: Eagle3Draft,
  target: DraftTarget,
  { form, weightsType }: { readonly form: DraftForm; readonly weightsType: WeightsType },
): JsonObject {
  const { config, layerIds } = draft;
  const { hiddenSize, targetHiddenSize } = config;
  const shared = {
    draft_vocab_size: config.draftVocabulary,
    eagle_aux_hidden_state_layer_ids: layerIds.map((id) => id + 1),
    norm_before_residual: false,
    norm_before_fc: false,
    fc_norm: config.normLayers,
    norm_output: config.normOutput,
    tie_word_embeddings: false,
    torch_dtype: dtypes[weightsType],
  };
  if (form === 'native')
    return {
      architectures: ['LlamaForCausalLMEagle3'],
      ...layerConfig(draft),
      ...shared,
      target_hidden_size: targetHiddenSize,
      eagle_config: { use_aux_hidden_state: true, eagle_aux_hidden_state_layer_ids: layerIds },
    };
  return {
    architectures: ['Eagle3DraftModel'],
    speculators_model_type: 'eagle3',
    ...shared,
    target_hidden_size: targetHiddenSize === hiddenSize ? null : targetHiddenSize,
    speculators_config: {
      algorithm: 'eagle3',
      default_proposal_method: 'greedy',
      proposal_methods: [{ proposal_type: 'greedy', speculative_tokens: target.draftTokens }],
      verifier: { name_or_path: target.id, architectures: target.architectures },
    },
    transformer_layer_config: { ...layerConfig(draft), tie_word_embeddings: false },
  };
}

/** The layer as a Llama of one layer. Older transformers read `rope_theta`, newer ones `rope_parameters`. */
function layerConfig({ config, contextMax }: Eagle3Draft): JsonObject {
  return {
    model_type: 'llama',
    hidden_act: 'silu',
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: 1,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    head_dim: config.headDim,
    attention_bias: false,
    mlp_bias: false,
    rms_norm_eps: config.epsilon,
    rope_theta: config.ropeBase,
    rope_scaling: null,
    rope_parameters: { rope_type: 'default', rope_theta: config.ropeBase },
    max_position_embeddings: contextMax,
    vocab_size: config.targetVocabulary,
  };
}
