/** AWQ, GPTQ and AutoRound: integers with a scale and a zero point per group of input channels. */
import type { WeightScheme } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import { compilePatterns } from './module-patterns.ts';
import { plan, type QuantizationPlan, type QuantizationRule, withExclusions } from './plan.ts';
import { integerScheme } from './schemes.ts';

export function readAwq(config: ConfigReader): QuantizationPlan {
  config.ignore('version', 'backend', 'do_fuse', 'fuse_max_seq_len', 'modules_to_fuse', 'exllama_config');
  config.ignore('quant_method', 'kernel_version', 'quantization_config');
  const scheme = groupedInteger(config, { zeroPoints: config.boolean('zero_point', true) });
  return withExclusions('awq', config.texts('modules_to_not_convert') ?? [], [{ scheme }]);
}

export function readGptq(config: ConfigReader): QuantizationPlan {
  config.ignore(
    'damp_percent',
    'static_groups',
    'true_sequential',
    'model_name_or_path',
    'model_file_base_name',
  );
  config.ignore(
    'checkpoint_format',
    'meta',
    'is_marlin_format',
    'quant_method',
    'sym',
    'tokenizer',
    'dataset',
  );
  // The format always has a packed zero point per group and column, even if all zero points are equal.
  const channelOrder = config.boolean('desc_act', false);
  const scheme = groupedInteger(config, { zeroPoints: true, channelOrder });
  const rules: QuantizationRule[] = [...dynamicRules(config), { scheme }];
  if (config.boolean('lm_head', false)) rules.unshift({ modules: compilePatterns(['lm_head']), scheme });
  const negative = Object.keys(config.section('dynamic')?.entries() ?? {}).filter((key) =>
    key.startsWith('-:'),
  );
  return plan('gptq', rules, { unquantized: negative });
}

function groupedInteger(config: ConfigReader, options: Partial<WeightScheme>): WeightScheme {
  const bits = config.integer(['bits', 'w_bit', 'weight_bits'], { fallback: 4 });
  // In these tools, -1 means one group per column of the matrix.
  const groupSize = config.integer(['group_size', 'q_group_size'], { fallback: 128, minimum: -1 });
  const scheme = integerScheme(bits, { ...options, groupSize: groupSize > 0 ? groupSize : null });
  if (scheme === null) throw config.refuse('bits', bits, '2, 3, 4 or 8');
  return scheme;
}

/**
 * Reads GPTQModel's `dynamic`: "-:pattern" excludes modules, "+:pattern" or a bare pattern gives them other settings.
 */
function dynamicRules(config: ConfigReader): QuantizationRule[] {
  const dynamic = config.section('dynamic');
  if (dynamic === null) return [];
  dynamic.ignore(...dynamic.keys());
  const entries = dynamic.keys().map((key) => ({
    pattern: `re:${key.replace(/^[-+]:/, '')}`,
    settings: key.startsWith('-:') ? null : dynamic.section(key),
  }));
  return groupedRules(entries);
}

interface ModuleSettings {
  readonly pattern: string;
  /** Settings of the module; null = it keeps the base type. */
  readonly settings: ConfigReader | null;
}

/** Makes one rule per distinct setting: files list thousands of modules that share a few settings. */
function groupedRules(entries: readonly ModuleSettings[]): QuantizationRule[] {
  const groups = new Map<string, { readonly scheme: WeightScheme | null; readonly patterns: string[] }>();
  for (const { pattern, settings } of entries) {
    const bits = settings?.integer('bits', { fallback: 16, maximum: 64 }) ?? 16;
    settings?.ignore('sym', 'group_size', 'data_type', 'act_bits', 'act_data_type', 'act_sym', 'act_dynamic');
    settings?.ignore(
      'act_group_size',
      'super_bits',
      'super_group_size',
      'desc_act',
      'scale_dtype',
      'fixed_by_user',
    );
    const scheme = settings === null || bits >= 16 ? null : groupedInteger(settings, { zeroPoints: true });
    const group = groups.get(JSON.stringify(scheme)) ?? { scheme, patterns: [] };
    group.patterns.push(pattern);
    groups.set(JSON.stringify(scheme), group);
  }
  return [...groups.values()].map(({ scheme, patterns }) => ({ modules: compilePatterns(patterns), scheme }));
}

export function readAutoRound(config: ConfigReader): QuantizationPlan {
  config.ignore(
    'autoround_version',
    'backend',
    'iters',
    'nsamples',
    'seqlen',
    'lr',
    'minmax_lr',
    'enable_quanted_input',
  );
  config.ignore(
    'enable_minmax_tuning',
    'low_gpu_mem_usage',
    'data_type',
    'dataset',
    'batch_size',
    'quant_method',
    'sym',
  );
  config.ignore(
    'gradient_accumulate_steps',
    'not_use_best_mse',
    'scale_dtype',
    'amp',
    'act_bits',
    'to_quant_block_names',
  );
  config.text(['packing_format', 'block_name_to_quantize']);
  const scheme = groupedInteger(config, { zeroPoints: true });
  const extra = config.section('extra_config');
  const entries = extra?.keys().map((key) => ({
    // A key is the name of a module if it holds only letters, digits, dots and dashes; otherwise it is a regular
    // expression.
    pattern: /^[\w.-]+$/.test(key) ? key : `re:${key}`,
    settings: extra.section(key),
  }));
  const rules = groupedRules(entries ?? []);
  const kept = rules.filter((rule) => rule.scheme === null).flatMap((rule) => rule.modules?.written ?? []);
  return plan('auto-round', [...rules, { scheme }], { unquantized: kept });
}
