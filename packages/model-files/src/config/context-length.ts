/** Reads the longest context that a config states, in tokens. */
import { type ConfigReader, configLimits } from './config-reader.ts';

const contextKeys = [
  // First, because Command R states its 128k in this key and a shorter length in the next; vLLM has the same order.
  'model_max_length',
  'max_position_embeddings',
  'n_positions',
  'max_sequence_length',
  'max_seq_len',
  'seq_length',
  'n_ctx',
] as const;

/** The length if all these keys are absent: the training length of Falcon and BLOOM, and vLLM's default. */
const unstatedContextTokens = 2048;

/**
 * Returns the stated length, scaled as engines scale it (vLLM, _get_and_verify_max_len): YaRN multiplies
 * `original_max_position_embeddings`, linear and dynamic scaling multiply the stated length. Llama 3 scaling and
 * LongRoPE always state the scaled length, and so does Gemma 3 although it scales linearly.
 */
export function readContextLength(config: ConfigReader, fallback?: number): number {
  const rule = { maximum: configLimits.contextTokens };
  const stated = config.integer(contextKeys, { ...rule, fallback: fallback ?? unstatedContextTokens });
  const scaling = config.section('rope_scaling') ?? config.section('rope_parameters');
  if (scaling === null || config.text('model_type')?.startsWith('gemma3')) return stated;
  const type = scaling.text(['rope_type', 'type']);
  const original = scaling.optionalInteger('original_max_position_embeddings', rule);
  const base = type === 'yarn' ? original : type === 'linear' || type === 'dynamic' ? stated : null;
  if (base === null) return stated;
  const factor = Math.max(1, scaling.number('factor', 1));
  return Math.min(Math.round(base * factor), configLimits.contextTokens);
}
