/** Reads the configs of Quark by AMD, HQQ and torchao, which state the common schemes in keys of their own. */
import type { WeightScheme } from '../../model-spec.ts';
import type { ConfigReader } from '../config-reader.ts';
import { type QuantizationPlan, withExclusions } from './plan.ts';
import { fp8Scheme, integerScheme, microscalingScheme } from './schemes.ts';

export function readQuark(config: ConfigReader): QuantizationPlan {
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

export function readHqq(config: ConfigReader): QuantizationPlan {
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
export function readTorchAo(config: ConfigReader): QuantizationPlan {
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
