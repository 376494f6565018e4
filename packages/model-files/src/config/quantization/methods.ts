/**
 * Reads quantization_config, with one function per method. The key names are those of the tools that write the files:
 * fp8 (DeepSeek, transformers FineGrainedFP8), AWQ, GPTQ, AutoRound, bitsandbytes, mxfp4, FBGEMM, Quark, HQQ, torchao.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ConfigReader } from '../config-reader.ts';
import { readCompressedTensors } from './compressed-tensors.ts';
import { readAutoRound, readAwq, readGptq } from './grouped-integers.ts';
import { readModelOpt } from './model-opt.ts';
import { readHqq, readQuark, readTorchAo } from './other-tools.ts';
import { expertRoles, plan, type QuantizationPlan, type QuantizationRule, withExclusions } from './plan.ts';
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

/** Reads the method. Some files do not name it; their other keys then imply it. */
function methodName(config: ConfigReader): string {
  const stated = config.text('quant_method')?.toLowerCase();
  if (stated !== undefined) return stated;
  if (config.has('load_in_4bit') || config.has('load_in_8bit')) return 'bitsandbytes';
  if (config.has('hf_quant_config') || config.has('quant_algo')) return 'modelopt';
  if (config.has('config_groups')) return 'compressed-tensors';
  throw config.refuse('quant_method', undefined, 'the name of a quantisation method');
}

function readFp8(config: ConfigReader, root: ConfigReader): QuantizationPlan {
  config.ignore('fmt', 'activation_scheme', 'activation_scale_ub', 'dequantize', 'is_static', 'group_size');
  const blockShape = readBlockShape(config, 'weight_block_size');
  const isStatic = config.text('activation_scheme') === 'static' && blockShape === null;
  const scaleType = config.text('scale_fmt') === 'ue8m0' ? 'e8m0' : 'fp32';
  const scheme = fp8Scheme({ blockShape, scaleType, perTensor: isStatic });
  const listed = config.texts(['modules_to_not_convert', 'ignored_layers']);
  const expertType = root.text('expert_dtype');
  // ModelOpt writes this on top of an fp8 checkpoint: it quantises the experts again, to a smaller type.
  if (config.has('config_groups')) {
    const smaller = readModelOpt(config);
    const experts = smaller.rules.filter((rule) => rule.scheme !== null);
    const rules = [...experts.map((rule) => ({ ...rule, roles: expertRoles })), { scheme }];
    return plan('fp8', rules, { unquantized: listed ?? [], kvCache: smaller.kvCache });
  }
  // DeepSeek V4 stores its routed experts in fp4 inside an fp8 checkpoint, and states it outside quantization_config.
  const experts: QuantizationRule[] =
    expertType === 'fp4' ? [{ roles: expertRoles, scheme: microscalingScheme('mxfp4') }] : [];
  return withExclusions('fp8', listed ?? [], [...experts, { scheme }]);
}

function readBlockShape(config: ConfigReader, key: string): readonly [number, number] | null {
  const shape = config.integers(key);
  if (shape === null) return null;
  const [rows, columns] = shape;
  if (shape.length !== 2 || rows === undefined || columns === undefined || rows < 1 || columns < 1) {
    throw config.refuse(key, shape.length, 'two whole numbers above 0');
  }
  return [rows, columns];
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

/** gpt-oss quantises only the experts; the exclusion list names the rest. */
function readMxfp4(config: ConfigReader): QuantizationPlan {
  config.ignore('quant_method');
  return withExclusions('mxfp4', config.texts('modules_to_not_convert') ?? [], [
    { roles: expertRoles, scheme: microscalingScheme('mxfp4') },
  ]);
}
