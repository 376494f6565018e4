/** The traits of a model that SGLang's rules use. */
import type { AttentionSpec, ModelSpec } from '@plimsoll/model-files/spec';

export function hasAttention({ layers }: ModelSpec, ...kinds: readonly AttentionSpec['kind'][]): boolean {
  return layers.some(({ attention }) => kinds.includes(attention.kind));
}

/** Returns true for a model with recurrent layers. */
export function isHybrid(spec: ModelSpec): boolean {
  return hasAttention(spec, 'linear', 'ssm');
}

/** Returns true for latent attention with an indexer (DeepSeek V3.2, GLM-5). */
export function isSparse({ layers }: ModelSpec): boolean {
  return layers.some(({ attention }) => attention.kind === 'mla' && attention.indexer !== undefined);
}
