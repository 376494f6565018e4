/**
 * quantization_config -> plan, one function per method. The key names are those of the tools that write the files: fp8
 * (DeepSeek, transformers FineGrainedFP8), AWQ, GPTQ, AutoRound, bitsandbytes, mxfp4, FBGEMM, Quark, HQQ, torchao.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { WeightScheme } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import { readCompressedTensors } from './compressed-tensors.ts';
import { readModelOpt } from './model-opt.ts';
import { compilePatterns } from './module-patterns.ts';
import { expertRoles, type QuantizationPlan, type QuantizationRule } from './plan.ts';
import { bitsandbytesScheme, fp8Scheme, integerScheme, microscalingScheme } from './schemes.ts';

type Method = (config: ConfigReader, root: ConfigReader) => QuantizationPlan;

const methods: Readonly<Record<string, Method>> = {
  fp8: readFp8,
  fbgemm_fp8: readFp8,
  awq: readAwq,
  gptq: readGptq,
  marlin: readGptq,
  gptq_marlin: readGptq,
  'auto-round': readAutoRound,
  autoround: readAutoRound,
  'intel/auto-round': readAutoRound,
  bitsandbytes: readBitsandbytes,
  mxfp4: readMxfp4,
  'compressed-tensors': readCompressedTensors,
  modelopt: readModelOpt,
  modelopt_fp4: readModelOpt,
  quark: readQuark,
  hqq: readHqq,
  torchao: readTorchAo,
};

export function readQuantization(config: ConfigReader, root: ConfigReader): QuantizationPlan {
  const name = methodName(config);
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (method !== undefined) return method(config, root);
  throw new PlimsollError({
    code: 'unsupported-quantization',
    message: `quantisation method "${name.slice(0, 80)}" is not modelled`,
    value: name.slice(0, 80),
    limit: Object.keys(methods).join(', '),
    hint: 'remove quantization_config to plan the model in its base type',
  });
}

/** Some files name no method; what they list tells it. */
function methodName(config: ConfigReader): string {
  const stated = config.text('quant_method')?.toLowerCase();
  if (stated !== undefined) return stated;
  if (config.has('load_in_4bit') || config.has('load_in_8bit')) return 'bitsandbytes';
  if (config.has('hf_quant_config') || config.has('quant_algo')) return 'modelopt';
  if (config.has('config_groups')) return 'compressed-tensors';
  throw config.refuse('quant_method', undefined, 'the name of a quantisation method');
}

export function plan(
  method: string,
  rules: readonly QuantizationRule[],
  rest: Partial<QuantizationPlan> = {},
): QuantizationPlan {
  const customary = { unquantized: [], kvCache: null, inferred: false, customaryExclusions: false } as const;
  return { ...customary, method, rules, ...rest };
}

/** A plan of one scheme with a list of modules that stay as they are; without a list, custom decides. */
function withExclusions(
  method: string,
  unquantized: readonly string[] | null,
  rules: readonly QuantizationRule[],
): QuantizationPlan {
  const excluded: QuantizationRule[] =
    unquantized === null ? [] : [{ modules: compilePatterns(unquantized), scheme: null }];
  return plan(method, [...excluded, ...rules], {
    unquantized: unquantized ?? [],
    customaryExclusions: unquantized === null,
  });
}

function readFp8(config: ConfigReader, root: ConfigReader): QuantizationPlan {
  config.ignore('fmt', 'activation_scheme', 'activation_scale_ub', 'dequantize', 'is_static', 'group_size');
  const blockShape = readBlockShape(config, 'weight_block_size');
  const isStatic = config.text('activation_scheme') === 'static' && blockShape === null;
  const scaleType = config.text('scale_fmt') === 'ue8m0' ? 'e8m0' : 'fp32';
  const scheme = fp8Scheme({ blockShape, scaleType, perTensor: isStatic });
  const listed = config.texts(['modules_to_not_convert', 'ignored_layers']);
  const expertType = root.text('expert_dtype');
  // Written by ModelOpt on top of an fp8 checkpoint: the experts again, in a smaller type.
  if (config.has('config_groups')) {
    const smaller = readModelOpt(config);
    const experts = smaller.rules.filter((rule) => rule.scheme !== null);
    const rules = [...experts.map((rule) => ({ ...rule, roles: expertRoles })), { scheme }];
    return plan('fp8', rules, { unquantized: listed ?? [], kvCache: smaller.kvCache });
  }
  // DeepSeek V4 keeps its routed experts in fp4 inside an fp8 checkpoint, and says so outside quantization_config.
  const experts: QuantizationRule[] =
    expertType === 'fp4' ? [{ roles: expertRoles, scheme: microscalingScheme('mxfp4') }] : [];
  return withExclusions('fp8', listed ?? [], [...experts, { scheme }]);
}

export function readBlockShape(config: ConfigReader, key: string): readonly [number, number] | null {
  const shape = config.integers(key);
  if (shape === null) return null;
  const [rows, columns] = shape;
  if (shape.length !== 2 || rows === undefined || columns === undefined || rows < 1 || columns < 1) {
    throw config.refuse(key, shape.length, 'two whole numbers above 0');
  }
  return [rows, columns];
}

function readAwq(config: ConfigReader): QuantizationPlan {
  config.ignore('version', 'backend', 'do_fuse', 'fuse_max_seq_len', 'modules_to_fuse', 'exllama_config');
  config.ignore('quant_method', 'kernel_version', 'quantization_config');
  const scheme = groupedInteger(config, { zeroPoints: config.boolean('zero_point', true) });
  return withExclusions('awq', config.texts('modules_to_not_convert') ?? [], [{ scheme }]);
}

function readGptq(config: ConfigReader): QuantizationPlan {
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
  // The format always has a packed zero point per group and column, also where all of them are equal.
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
  // -1 is how these tools write "one group per column of the matrix".
  const groupSize = config.integer(['group_size', 'q_group_size'], { fallback: 128, minimum: -1 });
  const scheme = integerScheme(bits, { ...options, groupSize: groupSize > 0 ? groupSize : null });
  if (scheme === null) throw config.refuse('bits', bits, '2, 3, 4 or 8');
  return scheme;
}

/** GPTQModel's `dynamic`: "-:pattern" leaves modules out, "+:pattern" or a bare pattern gives them other settings. */
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
  /** null = stays in the base type. */
  readonly settings: ConfigReader | null;
}

/** One rule per distinct setting: files list thousands of modules that share a handful of settings. */
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

function readAutoRound(config: ConfigReader): QuantizationPlan {
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
    // Keys are names of modules, or regular expressions where they hold more than letters and dots.
    pattern: /^[\w.-]+$/.test(key) ? key : `re:${key}`,
    settings: extra.section(key),
  }));
  const rules = groupedRules(entries ?? []);
  const kept = rules.filter((rule) => rule.scheme === null).flatMap((rule) => rule.modules?.written ?? []);
  return plan('auto-round', [...rules, { scheme }], { unquantized: kept });
}

function readBitsandbytes(config: ConfigReader): QuantizationPlan {
  config.ignore(
    'load_in_4bit',
    '_load_in_4bit',
    '_load_in_8bit',
    'bnb_4bit_compute_dtype',
    'bnb_4bit_quant_storage',
    'quant_method',
  );
  config.ignore('llm_int8_enable_fp32_cpu_offload', 'llm_int8_has_fp16_weight', 'llm_int8_threshold');
  const listed = config.texts('llm_int8_skip_modules');
  const scheme = config.boolean('load_in_8bit', false)
    ? integerScheme(8, { scaleType: 'fp32' })
    : bitsandbytesScheme(
        config.text('bnb_4bit_quant_type') === 'fp4' ? 'fp4' : 'nf4',
        config.boolean('bnb_4bit_use_double_quant', false),
      );
  return withExclusions('bitsandbytes', listed ?? [], [{ scheme }]);
}

/** gpt-oss: only the experts; the list of what is left out names the rest. */
function readMxfp4(config: ConfigReader): QuantizationPlan {
  config.ignore('quant_method');
  return withExclusions('mxfp4', config.texts('modules_to_not_convert') ?? [], [
    { roles: expertRoles, scheme: microscalingScheme('mxfp4') },
  ]);
}

function readQuark(config: ConfigReader): QuantizationPlan {
  config.ignore(
    'algo_config',
    'export',
    'layer_quant_config',
    'layer_type_quant_config',
    'quant_mode',
    'quant_method',
  );
  config.ignore(
    'softmax_quant_spec',
    'kv_cache_quant_config',
    'version',
    'kv_cache_group',
    'kv_cache_post_rope',
  );
  const weight = config.section('global_quant_config')?.section('weight') ?? null;
  const type = weight?.text('dtype') ?? 'fp8_e4m3';
  const groupSize = weight?.optionalInteger('group_size') ?? null;
  const listed = config.texts('exclude') ?? [];
  return withExclusions('quark', listed, [{ scheme: quarkScheme(config, type, groupSize) }]);
}

function quarkScheme(config: ConfigReader, type: string, groupSize: number | null): WeightScheme {
  if (type.startsWith('fp8')) return fp8Scheme({ perTensor: true });
  if (type === 'fp4') return microscalingScheme('mxfp4', groupSize ?? 32);
  const scheme = integerScheme(Number(/\d+/.exec(type)?.[0] ?? 0), {
    groupSize,
    zeroPoints: type.startsWith('u'),
  });
  if (scheme === null)
    throw config.refuse('global_quant_config.weight.dtype', type, 'fp8, fp4, int8 or int4');
  return scheme;
}

function readHqq(config: ConfigReader): QuantizationPlan {
  const settings = config.section('quant_config')?.section('weight_quant_params') ?? config;
  config.ignore('quant_method');
  const bits = settings.integer(['nbits', 'bits'], { fallback: 4 });
  const scheme = integerScheme(bits, {
    groupSize: settings.integer('group_size', { fallback: 64 }),
    zeroPoints: true,
  });
  if (scheme === null) throw settings.refuse('nbits', bits, '2, 3, 4 or 8');
  return withExclusions('hqq', config.texts('skip_modules') ?? ['lm_head'], [{ scheme }]);
}

/** torchao names its scheme in the class or alias of its config: int4 by groups, int8 or fp8 by row. */
function readTorchAo(config: ConfigReader): QuantizationPlan {
  config.ignore(
    'quant_method',
    'quant_type_kwargs',
    'include_input_output_embeddings',
    'untie_embedding_weights',
  );
  const type = config.raw('quant_type');
  const named = typeof type === 'string' ? type : JSON.stringify(type ?? '').slice(0, 2000);
  const scheme = /int4/i.test(named)
    ? integerScheme(4, { groupSize: 128, zeroPoints: true, scaleType: 'bf16' })
    : /int8/i.test(named)
      ? integerScheme(8)
      : fp8Scheme();
  return withExclusions('torchao', config.texts('modules_to_not_convert') ?? [], [{ scheme }]);
}
