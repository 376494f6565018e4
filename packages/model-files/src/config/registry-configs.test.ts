/** Reads every config of the registry and compares its sizes with the published totals. */
import { describe, expect, test } from 'vitest';
import { activeParameterCount } from '../active-parameters.ts';
import {
  elementCount,
  type LayerSpec,
  type ModelSpec,
  type TensorSpec,
  textParameterCount,
} from '../model-spec.ts';
import { type ModelRecord, records, specOf } from './registry-records.test-data.ts';

/**
 * Tensors that the registry's arithmetic check omits, by family. The published totals below prove that the files hold
 * them: they match to the element.
 */
const leftOut: Readonly<Record<string, RegExp>> = {
  deepseek_v3: /e_score_correction_bias/,
  deepseek_v32: /e_score_correction_bias|indexer/,
  gemma3: /[qk]_norm/,
  gemma3_text: /[qk]_norm/,
  gemma4: /[qk]_norm|router\.scale|per_expert_scale|layer_scalar|per_layer_projection_norm/,
  gemma4_unified: /[qk]_norm/,
  glm4: /post_(self_attn|mlp)_layernorm/,
  glm4_moe: /[qk]_norm|e_score_correction_bias/,
  glm_moe_dsa: /e_score_correction_bias|indexer/,
  kimi_k2: /e_score_correction_bias/,
  kimi_k25: /e_score_correction_bias/,
  kimi_linear: /e_score_correction_bias|A_log|dt_bias|o_norm/,
  kimi_vl: /e_score_correction_bias/,
  minimax_m2: /[qk]_norm|e_score_correction_bias/,
  mllama: /cross_attn\.[qk]_norm|_gate$/,
  olmo2: /[qk]_norm/,
  qwen3_5: /[qk]_norm/,
  qwen3_5_moe: /[qk]_norm/,
  qwen3_next: /[qk]_norm/,
  qwen3_vl: /[qk]_norm/,
  qwen3_vl_moe: /[qk]_norm/,
};

/** Elements that the arithmetic check has above (+) or below (-) these files for other reasons. */
const otherwise: Readonly<Record<string, number>> = {
  // One norm per layer, where the check counts two: 40 x 8192.
  cohere: 327_680,
  // Eight rows of the embedding for the image tokens: 8 x 4096.
  mllama: -32_768,
};

/** Reasons for differences between a published total and the spec. */
const reasons: readonly (readonly [RegExp, string])[] = [
  [/MiniMax-M2|Kimi-K2|GLM-5|MiMo-V2/, 'scales of the fp8 blocks are counted'],
  [/-FP8-dynamic|quantized\.w/, 'scales are counted'],
  [/pythia|gpt2/, 'causal masks are stored'],
  [/gemma-4-E/, 'the audio tower is not modelled'],
  [/Qwen3\.5-(0\.8|2|4)B|Llama-4-Maverick/, 'the record has no config of the vision tower'],
  [/falcon-7b/, 'the tied head counts twice'],
  [/GLM-4\.6/, 'its prediction layer has no copies of embedding and head, unlike those of 4.5 and 4.7'],
  [/Kimi-VL/, 'rotary tables are stored'],
  [/Ornith-1\.0-35B|Qwen3\.8-2\.4T/, 'the published total is rounded'],
  [/granite-3\.1-8b|Mistral-Nemo|Mistral-Small-24B|Mixtral-8x22B/, 'the published total is of another file'],
];

function allTensors(spec: ModelSpec): TensorSpec[] {
  return [...spec.tensors, ...spec.layers.flatMap((layer) => layer.tensors)];
}

function elementsOf(tensors: readonly TensorSpec[]): number {
  return tensors.reduce((sum, tensor) => sum + elementCount(tensor), 0);
}

function uncounted(spec: ModelSpec): number {
  const pattern = leftOut[spec.family];
  const tensors = pattern === undefined ? [] : allTensors(spec).filter(({ name }) => pattern.test(name));
  return elementsOf(tensors) - (otherwise[spec.family] ?? 0);
}

describe('registry configs', () => {
  test('all are read, and no unknown key could affect memory', () => {
    expect(records.length).toBeGreaterThan(250);
    const unread = records.flatMap((record) =>
      specOf(record).notModelled.map((key) => `${record.id}: ${key}`),
    );
    expect(unread).toEqual([]);
  });

  test('text parameters equal the arithmetic check', () => {
    const checked = records.filter((record) => record.computedTextParameters !== null);
    expect(checked.length).toBeGreaterThan(230);
    const differences = checked.filter(
      (record) =>
        textParameterCount(specOf(record)) - uncounted(specOf(record)) !== record.computedTextParameters,
    );
    expect(differences.map((record) => record.id)).toEqual([]);
  });

  test('active parameters equal the arithmetic check', () => {
    const checked = records.filter((record) => record.computedActiveTextParameters !== null);
    expect(checked.length).toBeGreaterThan(60);
    const differences = checked.filter((record) => {
      const spec = specOf(record);
      // The check counts neither the biases of routers nor those of active experts.
      const biases = record.config.model_type === 'gpt_oss' ? gptOssBiases(spec) : 0;
      const active = activeParameterCount(spec) - uncounted(spec) - biases;
      return active !== record.computedActiveTextParameters;
    });
    expect(differences.map((record) => record.id)).toEqual([]);
  });

  test('specs match published totals, and each difference has a reason', () => {
    const counted = records.filter(({ parameters }) => parameters !== null && parameters % 1e8 !== 0);
    expect(counted.length).toBeGreaterThan(190);
    const remainders = counted
      .map((record) => ({ id: record.id, rest: remainder(record, specOf(record)) }))
      .filter(({ rest }) => rest !== 0);
    const lines = remainders.map(({ id, rest }) => {
      const reason = reasons.find(([pattern]) => pattern.test(id));
      return `${rest} ${id}: ${reason?.[1] ?? 'NO REASON'}`;
    });
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "-610688 deepreinforce-ai/Ornith-1.0-35B: the published total is rounded
      2498560 EleutherAI/gpt-j-6b: NO REASON
      150995520 EleutherAI/pythia-12b: causal masks are stored
      134218240 EleutherAI/pythia-6.9b: causal masks are stored
      307183904 google/gemma-4-E2B-it: the audio tower is not modelled
      308756768 google/gemma-4-E4B-it: the audio tower is not modelled
      16384 ibm-granite/granite-3.1-8b-instruct: the published total is of another file
      871932416 meta-llama/Llama-4-Maverick-17B-128E-Instruct: the record has no config of the vision tower
      13880064 MiniMaxAI/MiniMax-M2.1: scales of the fp8 blocks are counted
      13880064 MiniMaxAI/MiniMax-M2.5: scales of the fp8 blocks are counted
      13880064 MiniMaxAI/MiniMax-M2.7: scales of the fp8 blocks are counted
      13880064 MiniMaxAI/MiniMax-M2: scales of the fp8 blocks are counted
      -705536 mistralai/Mistral-Nemo-Base-2407: the published total is of another file
      -705536 mistralai/Mistral-Nemo-Instruct-2407: the published total is of another file
      3276800 mistralai/Mistral-Small-24B-Instruct-2501: the published total is of another file
      9437184 mistralai/Mixtral-8x22B-v0.1: the published total is of another file
      62498608 moonshotai/Kimi-K2-Instruct: scales of the fp8 blocks are counted
      1728 moonshotai/Kimi-VL-A3B-Instruct: rotary tables are stored
      13880064 nvidia/MiniMax-M2.5-NVFP4: scales of the fp8 blocks are counted
      13880064 nvidia/MiniMax-M2.7-NVFP4: scales of the fp8 blocks are counted
      12582912 openai-community/gpt2: causal masks are stored
      121045760 Qwen/Qwen3.5-0.8B: the record has no config of the vision tower
      392244736 Qwen/Qwen3.5-2B: the record has no config of the vision tower
      454113792 Qwen/Qwen3.5-4B: the record has no config of the vision tower
      -2725504 Qwen/Qwen3.8-2.4T-A95B: the published total is rounded
      6717440 RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic: scales are counted
      1376256 RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w4a16: scales are counted
      1376256 RedHatAI/Meta-Llama-3.1-8B-Instruct-quantized.w8a8: scales are counted
      295469056 tiiuae/falcon-7b: the tied head counts twice
      18717312 XiaomiMiMo/MiMo-V2-Flash: scales of the fp8 blocks are counted
      -1551892480 zai-org/GLM-4.6: its prediction layer has no copies of embedding and head, unlike those of 4.5 and 4.7
      45885024 zai-org/GLM-5-FP8: scales of the fp8 blocks are counted
      45885024 zai-org/GLM-5.1-FP8: scales of the fp8 blocks are counted"
    `);
  });

  test('specs match totals that are published in round numbers, to the last digit', () => {
    // Model cards round some totals and cut others.
    const lastDigit = { 'tencent/Hy3': 1e9, 'LiquidAI/LFM2-8B-A1B': 1e8 };
    for (const [id, unit] of Object.entries(lastDigit)) {
      const record = records.find((candidate) => candidate.id === id);
      if (record === undefined) throw new Error(`no record ${id}`);
      expect(Math.abs(remainder(record, specOf(record))), id).toBeLessThan(unit);
    }
  });

  test('equal layers are one frozen object', () => {
    for (const record of records) {
      const spec = specOf(record);
      const kinds = [...new Set(spec.layers)];
      expect(new Set(kinds.map((layer) => JSON.stringify(layer))).size).toBe(kinds.length);
      expect(kinds.every((layer) => Object.isFrozen(layer) && Object.isFrozen(layer.tensors))).toBe(true);
    }
  });

  test('tensor names are unique in their list', () => {
    for (const record of records) {
      const spec = specOf(record);
      for (const list of [spec.tensors, ...new Set(spec.layers.map((layer) => layer.tensors))]) {
        expect(new Set(list.map(({ name }) => name)).size, record.id).toBe(list.length);
      }
    }
  });
});

function gptOssBiases(spec: ModelSpec): number {
  const ofLayer = ({ mlp, tensors }: LayerSpec): number => {
    const perToken = mlp.kind === 'moe' ? mlp.expertsPerToken / mlp.experts : 1;
    const biases = (pattern: RegExp): number => elementsOf(tensors.filter(({ name }) => pattern.test(name)));
    return biases(/router\.bias/) + biases(/proj_bias/) * perToken;
  };
  return spec.layers.reduce((sum, layer) => sum + ofLayer(layer), 0);
}

/** Subtracts all tensors of the spec from the published total: language model, vision, prediction layers. */
function remainder(record: ModelRecord, spec: ModelSpec): number {
  const predicted = spec.predictionLayers.flatMap((layer) => layer.tensors);
  const listed = textParameterCount(spec) + elementsOf(predicted) + elementsOf(spec.vision?.tensors ?? []);
  return (record.parameters ?? 0) - listed;
}
