/**
 * Reads rotary position tables: not weights, but engines keep them next to the weights, one per distinct set of
 * parameters. Llama 4 with 10 million positions has a table of 2.5 GiB.
 */
import type { RotarySpec } from '../model-spec.ts';
import { type ConfigReader, configLimits } from './config-reader.ts';

/** Returns one entry per distinct table: sliding layers may use other rotary parameters than full-attention layers. */
export function readRotary(config: ConfigReader): readonly RotarySpec[] {
  const positions = config.optionalInteger(['max_position_embeddings', 'model_max_length'], {
    maximum: configLimits.contextTokens,
  });
  const dim = rotaryDim(config);
  if (positions === null || dim === 0) return [];
  const parameters = config.section('rope_parameters');
  const perKind = parameters?.section('full_attention') ?? null;
  if (perKind !== null) {
    const globalDim = config.integer('global_head_dim', { fallback: dim });
    const share = perKind.number('partial_rotary_factor', 1);
    return [
      tableOf(perKind, positions, Math.floor(globalDim * share)),
      tableOf(parameters?.section('sliding_attention') ?? null, positions, dim),
    ];
  }
  const main = tableOf(parameters ?? config.section('rope_scaling'), positions, dim);
  const hasLocalTable = config.has('rope_local_base_freq') || config.has('sliding_window_pattern');
  return hasLocalTable ? [main, tableOf(null, positions, dim)] : [main];
}

function tableOf(scaling: ConfigReader | null, positions: number, dim: number): RotarySpec {
  const kind = scaling?.text(['rope_type', 'type']) ?? 'default';
  return {
    dim,
    positions,
    scaling: scaling?.has('mrope_section') === true ? 'mrope' : kind,
    factor: scaling?.number('factor', 1) ?? 1,
    originalPositions:
      scaling?.optionalInteger('original_max_position_embeddings', { maximum: configLimits.contextTokens }) ??
      null,
  };
}

/**
 * Returns the rotated elements of one head. Families without rotary positions (OPT, GPT-2, NoPE) have none of these
 * keys.
 */
function rotaryDim(config: ConfigReader): number {
  if (config.boolean('mla_use_nope', false)) return 0;
  const stated = config.optionalInteger(['qk_rope_head_dim', 'rotary_dim']);
  if (stated !== null) return stated;
  const usesRotary = [
    'rope_theta',
    'rope_scaling',
    'rope_parameters',
    'rotary_pct',
    'partial_rotary_factor',
  ].some((key) => config.states(key));
  const heads = config.optionalInteger(['num_attention_heads', 'n_head', 'n_heads']);
  const hidden = config.optionalInteger(['hidden_size', 'n_embd', 'd_model']);
  const headDim =
    config.optionalInteger('head_dim') ??
    (heads === null || hidden === null ? 0 : Math.floor(hidden / heads));
  if (!usesRotary) return 0;
  const nested = config.section('rope_parameters')?.number('partial_rotary_factor', 1) ?? 1;
  return Math.floor(headDim * config.number(['partial_rotary_factor', 'rotary_pct'], nested));
}
