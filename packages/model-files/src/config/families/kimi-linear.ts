/** Kimi Linear and Kimi K3: delta attention in most layers, latent attention without positions in the other layers. */
import type { LayerSpec, TensorSpec } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import type { TextModel } from '../decoder.ts';
import { readHiddenSize, readIntermediateSize, readLayerCount } from '../dimensions.ts';
import { readHybrid } from '../hybrid.ts';
import { layerOf, type MlpPart } from '../layers.ts';
import { readKimiDelta } from '../linear-attention.ts';
import { readMla } from '../mla.ts';
import { denseMlp, expertMlp, mixtralNames } from '../mlp.ts';
import { linear, norm } from '../tensors.ts';
import { sparseLayers } from './deepseek.ts';
import type { FamilyTable } from './family.ts';

function readKimiLinear(config: ConfigReader): TextModel {
  const hiddenSize = readHiddenSize(config);
  const delta = config.section('linear_attn_config');
  if (delta === null) throw config.refuse('linear_attn_config', undefined, 'an object');
  config.ignore('num_nextn_predict_layers', 'use_grouped_topk', 'topk_method');
  const isDelta = deltaLayers(delta, readLayerCount(config));
  const isExpertLayer = sparseLayers(config);
  const outputGate = config.boolean('mla_use_output_gate', false);
  // K3 mixes the outputs of earlier blocks into every layer, with one row of scores for each block.
  const mixesBlocks = config.has('attn_res_block_size');
  const build = (variant: { readonly delta: boolean; readonly experts: boolean }): LayerSpec =>
    layerOf(
      variant.delta ? readKimiDelta(delta, hiddenSize) : readMla(config, hiddenSize, { outputGate }),
      variant.experts
        ? kimiExperts(config, hiddenSize)
        : denseMlp({ hiddenSize, intermediateSize: readIntermediateSize(config) }),
      [
        ...norm('input_layernorm', hiddenSize),
        ...norm('post_attention_layernorm', hiddenSize),
        ...(mixesBlocks ? blockMix('self_attention_res', hiddenSize) : []),
        ...(mixesBlocks ? blockMix('mlp_res', hiddenSize) : []),
      ],
    );
  return readHybrid(config, {
    variantOf: (layer) => ({ delta: isDelta(layer), experts: isExpertLayer(layer) }),
    build,
    extraTensors: mixesBlocks ? blockMix('model.output_attn_res', hiddenSize) : [],
  });
}

function blockMix(name: string, hiddenSize: number): TensorSpec[] {
  return [
    ...norm(`${name}_norm`, hiddenSize),
    ...linear(`${name}_proj`, 'other', { out: 1, in: hiddenSize }),
  ];
}

/** Reads the layers with delta attention. The lists count layers from one; each layer must be in exactly one list. */
function deltaLayers(config: ConfigReader, layerCount: number): (layer: number) => boolean {
  const delta = new Set(config.integers('kda_layers') ?? []);
  const full = new Set(config.integers('full_attn_layers') ?? []);
  config.ignore('gate_lower_bound');
  for (let number = 1; number <= layerCount; number++) {
    if (delta.has(number) === full.has(number)) {
      throw config.refuse('kda_layers', number, `lists that have layer ${number} in exactly one of them`);
    }
  }
  return (layer) => delta.has(layer + 1);
}

function kimiExperts(config: ConfigReader, hiddenSize: number): MlpPart {
  const width = config.integer('moe_intermediate_size');
  const shared = config.integer('num_shared_experts', { fallback: 0, minimum: 0 });
  const latent = config.optionalInteger('routed_expert_hidden_size');
  const module = 'block_sparse_moe';
  const part = expertMlp({
    hiddenSize,
    experts: config.integer('num_experts'),
    expertsPerToken: config.integer('num_experts_per_token'),
    expertIntermediateSize: width,
    sharedIntermediateSize: shared * width,
    module,
    names: mixtralNames,
    scoreCorrection: 'gate.e_score_correction_bias',
    ...(latent !== null && { expertHiddenSize: latent }),
  });
  if (latent === null) return part;
  const hasNorm = config.boolean('latent_moe_use_norm', false);
  return {
    ...part,
    tensors: [
      ...part.tensors,
      ...linear(`${module}.routed_expert_down_proj`, 'other', { out: latent, in: hiddenSize }),
      ...linear(`${module}.routed_expert_up_proj`, 'other', { out: hiddenSize, in: latent }),
      ...(hasNorm ? norm(`${module}.routed_expert_norm`, latent) : []),
    ],
  };
}

const kimiLinear = { read: readKimiLinear };

export const kimiLinearFamilies: FamilyTable = { kimi_linear: kimiLinear, kimi_k3: kimiLinear };
