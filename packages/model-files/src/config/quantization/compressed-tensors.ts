/**
 * The format of llm-compressor: groups of modules, each with a type for its weights, and a list of excluded modules.
 */
import type { WeightScheme } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import { compilePatterns } from './module-patterns.ts';
import { attentionRoles, feedForwardRoles, type QuantizationPlan, type QuantizationRule } from './plan.ts';
import { fp8Scheme, integerScheme, microscalingScheme, nvfp4Scheme } from './schemes.ts';

export function readCompressedTensors(config: ConfigReader): QuantizationPlan {
  config.ignore(
    'quant_method',
    'quantization_status',
    'global_compression_ratio',
    'sparsity_config',
    'version',
  );
  config.ignore('transform_config');
  const listed = config.texts(['ignore', 'ignore_patterns']);
  const excluded: QuantizationRule[] =
    listed === null ? [] : [{ modules: compilePatterns(listed), scheme: null }];
  return {
    method: 'compressed-tensors',
    rules: [...excluded, ...groupRules(config)],
    unquantized: listed ?? [],
    kvCache: readKvCache(config),
    inferred: false,
    customaryExclusions: listed === null,
  };
}

/** Reads `kv_cache_scheme`, an object or a name that requests an fp8 cache. */
export function readKvCache(config: ConfigReader): 'fp8' | null {
  const scheme = config.raw('kv_cache_scheme');
  if (typeof scheme === 'string') return /fp8/i.test(scheme) ? 'fp8' : null;
  if (scheme === null) return null;
  const section = config.section('kv_cache_scheme');
  section?.ignore('dynamic', 'type', 'strategy', 'symmetric', 'group_size', 'observer', 'observer_kwargs');
  section?.ignore('actorder', 'block_structure');
  return section?.integer('num_bits', { fallback: 8 }) === 8 ? 'fp8' : null;
}

/** Makes one rule per group of `config_groups`. */
export function groupRules(config: ConfigReader): QuantizationRule[] {
  const groups = config.section('config_groups');
  const format = config.text('format');
  if (groups === null) throw config.refuse('config_groups', undefined, 'an object of groups');
  return groups.keys().flatMap((name): QuantizationRule[] => {
    const group = groups.section(name);
    const weights = group?.section('weights') ?? null;
    if (group === null || weights === null) return [];
    group.ignore('input_activations', 'output_activations');
    return [{ ...targetsOf(group, weights), scheme: schemeOf(weights, group.text('format') ?? format) }];
  });
}

/**
 * Reads the modules of a group. `Linear` is every linear layer; other targets name modules. "130 modules" is a list
 * that the publisher cut.
 */
function targetsOf(group: ConfigReader, weights: ConfigReader): Partial<QuantizationRule> {
  if (typeof group.raw('targets') === 'string') {
    // Customarily attention has the larger type, and feed-forwards and head have the smaller type.
    return {
      roles: weights.integer('num_bits') >= 8 ? attentionRoles : new Set([...feedForwardRoles, 'lm-head']),
    };
  }
  const targets = group.texts('targets') ?? [];
  if (targets.length === 0 || targets.includes('Linear')) return {};
  return { modules: compilePatterns(targets.filter((target) => target !== 'Embedding')) };
}

function schemeOf(weights: ConfigReader, format: string | null): WeightScheme {
  weights.ignore(
    'dynamic',
    'symmetric',
    'strategy',
    'actorder',
    'block_structure',
    'observer',
    'observer_kwargs',
    'scale_dtype',
    'zp_dtype',
  );
  const bits = weights.integer('num_bits', { maximum: 16 });
  const type = weights.text('type') ?? 'int';
  const groupSize = weights.integer('group_size', { fallback: -1, minimum: -1 });
  const strategy = weights.text('strategy') ?? (groupSize > 0 ? 'group' : 'channel');
  const block = weights.integers('block_structure');
  if (type === 'float' && bits === 4) {
    return format?.includes('mxfp4') || groupSize === 32 ? microscalingScheme('mxfp4') : nvfp4Scheme();
  }
  if (type === 'float' && format?.includes('mxfp8')) return microscalingScheme('mxfp8');
  const [rows = 128, columns = 128] = block ?? [];
  const common = {
    groupSize: groupSize > 0 && strategy !== 'block' ? groupSize : null,
    blockShape: strategy === 'block' ? ([rows, columns] as const) : null,
    perTensor: strategy === 'tensor',
    zeroPoints: !weights.boolean('symmetric', true),
    channelOrder: weights.raw('actorder') === 'group',
    scaleType: 'bf16',
  } as const;
  if (type === 'float' && bits === 8) return fp8Scheme(common);
  const scheme = type === 'int' ? integerScheme(bits, common) : null;
  if (scheme === null) throw weights.refuse('num_bits', `${bits} (${type})`, 'int 2, 3, 4, 8 or float 4, 8');
  return scheme;
}
