/** NVIDIA ModelOpt: an algorithm by name, in quantization_config itself or in a separate hf_quant_config.json. */
import type { WeightScheme } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import { groupRules, readKvCache } from './compressed-tensors.ts';
import { compilePatterns } from './module-patterns.ts';
import { expertRoles, type QuantizationPlan, type QuantizationRule } from './plan.ts';
import { fp8Scheme, integerScheme, microscalingScheme, nvfp4Scheme } from './schemes.ts';

export function readModelOpt(config: ConfigReader): QuantizationPlan {
  config.ignore(
    'producer',
    'quant_method',
    'fmt',
    'scale_fmt',
    'activation_scheme',
    'weight_block_size',
    'quantized_layers',
  );
  const inner = config.section('quantization') ?? config.section('hf_quant_config') ?? config;
  const algorithm = config.text('quant_algo') ?? inner.text('quant_algo');
  const groupSize = config.integer('group_size', { fallback: inner.integer('group_size', { fallback: 16 }) });
  const listed = ['exclude_modules', 'ignore', 'ignore_patterns']
    .map((key) => config.texts(key) ?? inner.texts(key))
    .find((list) => list !== null);
  const excluded: QuantizationRule[] =
    listed === undefined ? [] : [{ modules: compilePatterns(listed), scheme: null }];
  const rules = config.has('config_groups')
    ? groupRules(config)
    : algorithmRules(config, algorithm, groupSize);
  const cache = readKvCache(config);
  config.ignore('quantized_layers_count');
  inner.ignore('group_size', 'quant_algo', 'exclude_modules');
  const named = config.text('kv_cache_quant_algo') ?? inner.text('kv_cache_quant_algo');
  return {
    method: 'modelopt',
    rules: [...excluded, ...rules],
    unquantized: listed ?? [],
    kvCache: named === 'FP8' ? 'fp8' : cache,
    inferred: false,
    customaryExclusions: listed === undefined,
  };
}

function algorithmRules(
  config: ConfigReader,
  algorithm: string | null,
  groupSize: number,
): QuantizationRule[] {
  if (algorithm === 'MIXED_PRECISION') return mixedRules(config, groupSize);
  const scheme = algorithm === null ? null : algorithmScheme(algorithm, groupSize);
  if (scheme === null) {
    throw config.refuse(
      'quant_algo',
      algorithm ?? undefined,
      'FP8, NVFP4, MXFP4, MXFP8, W4A16_AWQ, W8A8_SQ or MIXED_PRECISION',
    );
  }
  return [{ scheme }];
}

function algorithmScheme(algorithm: string, groupSize: number): WeightScheme | null {
  if (/NVFP4/.test(algorithm)) return nvfp4Scheme(groupSize);
  if (/MXFP8/.test(algorithm)) return microscalingScheme('mxfp8');
  if (/MXFP4/.test(algorithm)) return microscalingScheme('mxfp4');
  if (/^FP8_PB/.test(algorithm)) return fp8Scheme({ blockShape: [128, 128] });
  if (/^FP8/.test(algorithm)) return fp8Scheme({ perTensor: !/PER_CHANNEL|PC_PT/.test(algorithm) });
  if (/^W4A(8|16)/.test(algorithm))
    return integerScheme(4, { groupSize: groupSize === 16 ? 128 : groupSize });
  if (/^(W8A8|W8A16|INT8)/.test(algorithm)) return integerScheme(8);
  return null;
}

/**
 * Reads checkpoints with two algorithms. A list assigns each module to an algorithm, but may be published in short, as
 * counts. The counts of MiniMax M3 (experts x layers x 3 in NVFP4, everything else in MXFP8) and similar models show
 * the rule: experts in the smaller type, the rest in the larger type.
 */
function mixedRules(config: ConfigReader, groupSize: number): QuantizationRule[] {
  const counts = config.section('quantized_layers_count');
  counts?.ignore(...counts.keys());
  const named = counts?.keys().map((key) => algorithmScheme(key, groupSize)) ?? [];
  const large =
    named.find((scheme) => scheme?.weights === 'fp8' || scheme?.weights === 'mxfp8') ?? fp8Scheme();
  return [{ roles: expertRoles, scheme: nvfp4Scheme(groupSize) }, { scheme: large }];
}
