/** Grouped-query decoders with experts in every layer: Mixtral, Qwen MoE, OLMoE, Phi MoE, gpt-oss. */

import type { ConfigReader } from '../config-reader.ts';
import { readDecoder } from '../decoder.ts';
import { readHiddenSize, readIntermediateSize } from '../dimensions.ts';
import type { MlpPart } from '../layers.ts';
import { expertMlp, mixtralNames } from '../mlp.ts';
import { alternatingSpans, switchedWindow, uniformWindow } from '../spans.ts';
import type { Family, FamilyTable } from './family.ts';
import { statedBiases } from './llama-like.ts';

const everyLayer = (): boolean => true;

const mixtral: Family = {
  read: (config) =>
    readDecoder(config, {
      span: uniformWindow(config, null),
      isExpertLayer: everyLayer,
      experts: () => mixtralExperts(config),
    }),
};

function mixtralExperts(config: ConfigReader): MlpPart {
  return expertMlp({
    hiddenSize: readHiddenSize(config),
    experts: config.integer('num_local_experts', { fallback: 8 }),
    expertsPerToken: config.integer('num_experts_per_tok', { fallback: 2 }),
    expertIntermediateSize: readIntermediateSize(config),
    module: 'block_sparse_moe',
    names: mixtralNames,
  });
}

/** Returns the layers with experts: every `decoder_sparse_step`-th layer that `mlp_only_layers` does not list. */
export function qwenExpertLayers(config: ConfigReader): (layer: number) => boolean {
  const plain = new Set(config.integers('mlp_only_layers') ?? []);
  const step = config.integer('decoder_sparse_step', { fallback: 1 });
  return (layer) => !plain.has(layer) && (layer + 1) % step === 0;
}

export function qwenExperts(config: ConfigReader, storage: { readonly stacked?: boolean } = {}): MlpPart {
  // The width of dense layers; a model may have none.
  config.ignore('intermediate_size');
  const shared = config.integer('shared_expert_intermediate_size', { fallback: 0, minimum: 0 });
  return expertMlp({
    hiddenSize: readHiddenSize(config),
    // Transformers 5 saves Qwen3-MoE with the second name.
    experts: config.integer(['num_experts', 'num_local_experts']),
    expertsPerToken: config.integer('num_experts_per_tok'),
    expertIntermediateSize: config.integer('moe_intermediate_size'),
    sharedIntermediateSize: shared,
    sharedModule: 'shared_expert',
    ...(storage.stacked && { stacked: true, fused: true }),
    ...(shared > 0 && { sharedGate: 'shared_expert_gate' }),
  });
}

const qwen2Moe: Family = {
  read: (config) =>
    readDecoder(config, {
      attention: { qkvBias: config.boolean('qkv_bias', true) },
      span: switchedWindow(config),
      isExpertLayer: qwenExpertLayers(config),
      experts: () => qwenExperts(config),
    }),
};

function qwen3MoeFamily(stacked: boolean): Family {
  return {
    read: (config) => {
      const stated = statedBiases(config);
      config.ignore('use_qk_norm', 'qkv_bias');
      return readDecoder(config, {
        ...stated,
        attention: { ...stated.attention, qkNorm: 'head' },
        span: switchedWindow(config),
        isExpertLayer: qwenExpertLayers(config),
        experts: () => qwenExperts(config, { stacked }),
      });
    },
  };
}

const qwen3Moe = qwen3MoeFamily(false);
const qwen3VlMoe = qwen3MoeFamily(true);

const olmoe: Family = {
  read: (config) => {
    const stated = statedBiases(config);
    return readDecoder(config, {
      ...stated,
      attention: { ...stated.attention, qkNorm: 'projection' },
      isExpertLayer: everyLayer,
      experts: () =>
        expertMlp({
          hiddenSize: readHiddenSize(config),
          experts: config.integer('num_experts'),
          expertsPerToken: config.integer('num_experts_per_tok'),
          expertIntermediateSize: readIntermediateSize(config),
        }),
    });
  },
};

/** Phi-3.5-MoE: Mixtral with biases on attention, norms and head. */
const phimoe: Family = {
  read: (config) => {
    const bias = config.boolean('attention_bias', false);
    return readDecoder(config, {
      attention: { qkvBias: bias, outputBias: bias },
      normBias: true,
      headBias: config.boolean('lm_head_bias', false),
      span: uniformWindow(config, null),
      isExpertLayer: everyLayer,
      experts: () => mixtralExperts(config),
    });
  },
};

const gptOss: Family = {
  read: (config) => {
    const bias = config.boolean('attention_bias', true);
    return readDecoder(config, {
      attention: { qkvBias: bias, outputBias: bias, sinks: true },
      span: alternatingSpans(config, { period: 2, window: 128 }),
      isExpertLayer: everyLayer,
      experts: () =>
        expertMlp({
          hiddenSize: readHiddenSize(config),
          experts: config.integer('num_local_experts'),
          expertsPerToken: config.integer(['num_experts_per_tok', 'experts_per_token']),
          expertIntermediateSize: readIntermediateSize(config),
          router: 'router',
          routerBias: true,
          fused: true,
          stacked: true,
          bias: true,
        }),
    });
  },
};

export const expertFamilies: FamilyTable = {
  mixtral,
  qwen2_moe: qwen2Moe,
  qwen3_moe: qwen3Moe,
  qwen3_vl_moe: qwen3VlMoe,
  qwen3_vl_moe_text: qwen3VlMoe,
  olmoe,
  phimoe,
  gpt_oss: gptOss,
};
