/**
 * Reads parameters from a config.json of the Hub. transformers 5 writes rotary settings to `rope_parameters`, once or
 * per kind of layer; older versions write `rope_theta` and `rope_scaling`. Both are read.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { ModelOverrides } from '../memory/model-config.ts';
import type { RotationScaling } from './graph.ts';
import type { ModelParameters } from './parameters.ts';

type Json = Readonly<Record<string, unknown>>;

function objectOf(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function required(config: Json, key: string): number {
  const value = numberOf(config[key]);
  if (value !== null) return value;
  throw new PlimsollError({
    code: 'config-missing-key',
    message: `config.json does not state "${key}" as a number`,
    value: key,
    hint: 'download config.json again from the model page',
  });
}

export function parametersFromConfig(
  value: unknown,
  overrides: ModelOverrides | null = null,
): ModelParameters {
  const whole = objectOf(value) ?? {};
  // The text model inside a multimodal model has its own section.
  const config = objectOf(whole.text_config) ?? whole;
  const every = objectOf(config.rope_parameters);
  const far = objectOf(every?.full_attention) ?? every ?? {};
  const near = objectOf(every?.sliding_attention);
  const scaling = objectOf(config.rope_scaling) ?? far;
  const partial = numberOf(config.partial_rotary_factor) ?? numberOf(far.partial_rotary_factor);
  return {
    source: 'hub',
    normEpsilon: required(config, 'rms_norm_eps'),
    ropeBase: numberOf(far.rope_theta) ?? numberOf(config.rope_theta),
    ropeBaseSliding: numberOf(near?.rope_theta) ?? numberOf(config.rope_local_base_freq),
    rotaryDim: isWhole(partial, scaling) ? null : Math.trunc((partial ?? 1) * headDimOf(config)),
    ropeScaling: scalingOf(config, scaling),
    ropeScalingSliding: near === null ? { kind: 'none' } : scalingOf(config, near),
    rotaryDimSliding: null,
    attentionSoftCap: numberOf(config.attn_logit_softcapping),
    logitSoftCap: numberOf(config.final_logit_softcapping),
    queryScalar: numberOf(config.query_pre_attn_scalar),
    expertWeightsNormalised: typeof config.norm_topk_prob === 'boolean' ? config.norm_topk_prob : null,
    isCausal: config.use_bidirectional_attention !== 'all',
    activation: textOf(config.hidden_activation) ?? textOf(config.hidden_act),
    overrides,
  };
}

/** True if whole heads rotate. A proportional rotation states its share in the same key, and covers whole heads. */
function isWhole(partial: number | null, scaling: Json): boolean {
  return partial === null || partial === 1 || textOf(scaling.rope_type) === 'proportional';
}

function headDimOf(config: Json): number {
  const stated = numberOf(config.head_dim);
  return stated ?? Math.floor(required(config, 'hidden_size') / required(config, 'num_attention_heads'));
}

function scalingOf(config: Json, scaling: Json): RotationScaling {
  const type = textOf(scaling.rope_type) ?? textOf(scaling.type) ?? 'default';
  const context = (): number => required(config, 'max_position_embeddings');
  const original = numberOf(scaling.original_max_position_embeddings);
  switch (type) {
    case 'default':
      return { kind: 'none' };
    case 'linear':
      return { kind: 'linear', factor: required(scaling, 'factor') };
    case 'proportional': {
      const rotatedShare = numberOf(scaling.partial_rotary_factor) ?? 1;
      return { kind: 'proportional', rotatedShare, factor: numberOf(scaling.factor) ?? 1 };
    }
    case 'llama3':
      return {
        kind: 'llama3',
        factor: required(scaling, 'factor'),
        lowFreqFactor: required(scaling, 'low_freq_factor'),
        highFreqFactor: required(scaling, 'high_freq_factor'),
        originalContext: original ?? context(),
      };
    case 'yarn':
      return {
        kind: 'yarn',
        factor: required(scaling, 'factor'),
        originalContext: original ?? context(),
        betaFast: numberOf(scaling.beta_fast) ?? 32,
        betaSlow: numberOf(scaling.beta_slow) ?? 1,
        attentionFactor: numberOf(scaling.attention_factor),
      };
    case 'longrope':
    case 'su':
      return longRope(config, scaling, original);
    default:
      throw new PlimsollError({
        code: 'unsupported-rope-scaling',
        message: `the engine has no rotary scaling "${type}"`,
        value: type,
        limit: 'default, linear, proportional, llama3, yarn, longrope',
        hint: 'run a model with one of these rules',
      });
  }
}

/** The attention factor grows with the ratio of contexts: transformers, modeling_rope_utils.py. */
function longRope(config: Json, scaling: Json, original: number | null): RotationScaling {
  const context = required(config, 'max_position_embeddings');
  const originalContext = original ?? numberOf(config.original_max_position_embeddings) ?? context;
  const ratio = numberOf(scaling.factor) ?? context / originalContext;
  const byDefault = ratio <= 1 ? 1 : Math.sqrt(1 + Math.log(ratio) / Math.log(originalContext));
  return {
    kind: 'longrope',
    longFactors: factors(scaling, 'long_factor'),
    shortFactors: factors(scaling, 'short_factor'),
    originalContext,
    attentionFactor: numberOf(scaling.attention_factor) ?? byDefault,
  };
}

function factors(scaling: Json, key: string): readonly number[] {
  const list = scaling[key];
  if (Array.isArray(list) && list.every((value) => typeof value === 'number')) return list;
  throw new PlimsollError({
    code: 'config-missing-key',
    message: `config.json does not state "${key}" of its rotary scaling as a list of numbers`,
    value: key,
    hint: 'download config.json again from the model page',
  });
}
