/** What SGLang's rules ask of a model. */
import type { AttentionSpec, ModelSpec } from '@plimsoll/model-files/spec';

export function hasAttention({ layers }: ModelSpec, ...kinds: readonly AttentionSpec['kind'][]): boolean {
  return layers.some(({ attention }) => kinds.includes(attention.kind));
}

/** Layers with recurrent state. */
export function isHybrid(spec: ModelSpec): boolean {
  return hasAttention(spec, 'linear', 'ssm');
}

/** Latent attention that an indexer thins out (DeepSeek V3.2, GLM-5). */
export function isSparse({ layers }: ModelSpec): boolean {
  return layers.some(({ attention }) => attention.kind === 'mla' && attention.indexer !== undefined);
}
