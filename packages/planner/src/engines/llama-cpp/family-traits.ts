/**
 * Graph features of a family that its tensors do not show, read from llama.cpp's graph builders (src/models/, earlier
 * llama-model.cpp). A family without an entry here is built like Llama.
 */

export interface FamilyTraits {
  /** `layer`: normalises with mean and variance, not in place. `rms`: in place where it can. */
  readonly norm: 'rms' | 'layer';
  /** Attention and feed-forward both read the layer's input. */
  readonly parallelBlocks: boolean;
  /** Token embeddings are multiplied by a constant. */
  readonly scalesEmbeddings: boolean;
  /** Queries are multiplied by a constant before attention. */
  readonly scalesQueries: boolean;
  /** Attention scores are capped by tanh; without flash attention as three operations on them. */
  readonly capsScores: boolean;
  /** Logits are multiplied by a constant or capped. */
  readonly scalesLogits: boolean;
  /** Expert weights are normalised over the chosen experts. */
  readonly normalisesExpertWeights: boolean;
  /** Expert weights are multiplied by a constant. */
  readonly scalesExpertWeights: boolean;
  /** The function that turns router scores into weights: over all experts, or over the chosen experts. */
  readonly router: 'softmax' | 'sigmoid' | 'softmax-of-chosen';
  /** The last layer computes all tokens, because prediction heads read them; the graph picks rows after the final norm. */
  readonly picksRowsLate: boolean;
  /** Position ids per token: more than one for families whose images have rows and columns. */
  readonly positionsPerToken: number;
  /** Positions are not rotated into queries and keys. */
  readonly noRope: boolean;
}

const llama: FamilyTraits = {
  norm: 'rms',
  parallelBlocks: false,
  scalesEmbeddings: false,
  scalesQueries: false,
  capsScores: false,
  scalesLogits: false,
  normalisesExpertWeights: true,
  scalesExpertWeights: false,
  router: 'softmax',
  picksRowsLate: false,
  positionsPerToken: 1,
  noRope: false,
};

const byFamily: readonly (readonly [RegExp, Partial<FamilyTraits>])[] = [
  [/^(starcoder|gpt2|gpt_bigcode)$/, { norm: 'layer', noRope: true }],
  [/^(bloom|mpt)$/, { norm: 'layer', noRope: true }],
  [/^(starcoder2|stablelm|nemotron|jais)$/, { norm: 'layer' }],
  [/^(falcon|phi|phi2|gptneox|gpt_neox|command-r|cohere|cohere2)$/, { norm: 'layer', parallelBlocks: true }],
  [/^gemma$/, { scalesEmbeddings: true, scalesQueries: true }],
  [/^gemma2$/, { scalesEmbeddings: true, scalesQueries: true, capsScores: true, scalesLogits: true }],
  [/^gemma(3|3n|4)(_text)?$/, { scalesEmbeddings: true, scalesQueries: true }],
  [/^phi3/, { scalesQueries: true }],
  [/^granite/, { scalesEmbeddings: true, scalesLogits: true }],
  [/^(gpt_oss|gpt-oss)$/, { router: 'softmax-of-chosen', normalisesExpertWeights: false }],
  [
    /^(deepseek_v3|deepseek_v32|kimi_k2|glm4_moe|glm4moe|glm4_moe_lite|glm_moe_dsa|hy_v3)$/,
    { router: 'sigmoid', scalesExpertWeights: true },
  ],
  [/^(deepseek_v2|deepseek2)$/, { scalesExpertWeights: true, normalisesExpertWeights: false }],
  [/^(qwen2_moe|qwen2moe|olmoe)$/, { normalisesExpertWeights: false }],
];

const lateRowFamilies = /^(gemma4|nemotron_h|gpt_oss|gpt-oss|qwen3_?next|qwen3_?5|step3)/;

const manyPositions = /^(qwen2_vl|qwen2vl|qwen2_5_vl|qwen3_vl|qwen3vl|qwen3_5|qwen35|glm4v)/;

export function familyTraits(family: string): FamilyTraits {
  const traits = byFamily.find(([pattern]) => pattern.test(family))?.[1];
  return {
    ...llama,
    picksRowsLate: lateRowFamilies.test(family),
    positionsPerToken: manyPositions.test(family) ? 4 : 1,
    ...traits,
  };
}
