/**
 * Lower bounds for every engine: the least memory of a device, and the least time of a step. A candidate that breaks a
 * bound is lost without a plan.
 *
 * - memory: the devices hold the layers' weights and the cached entries of all users, so the fullest device holds its
 *   part of them or more. The bound excludes embeddings, head and vision (some engines keep them on the host),
 *   activations, graphs and block rounding.
 * - time: a step reads the layers' weights and the cache of all users, at most at the bandwidth of the data sheet; of
 *   routed experts it reads those of one token or more. The stages of a pipeline read their weights one after another.
 */
import type { ModelSpec, TensorRole } from '@plimsoll/model-files/spec';
import { cacheGroups } from '../bytes/kv-cache.ts';
import type { KvFormat } from '../bytes/kv-format.ts';
import type { WeightFormat } from '../bytes/weight-format.ts';
import type { Workload } from '../question/workload.ts';
import { expertShare } from '../speed/model-work.ts';

export interface LowerBounds {
  /** Bytes on all devices together. */
  readonly weightBytes: number;
  readonly cacheBytes: number;
  /** Bytes that a step reads from all devices together. */
  readonly readBytes: number;
}

/** Computes the bounds of a model in these formats for a workload. */
export function lowerBounds(
  spec: ModelSpec,
  { format, kvFormat }: { readonly format: WeightFormat; readonly kvFormat: KvFormat },
  { users, contextTokens }: Workload,
): LowerBounds {
  const share = expertShare(spec);
  let weightBytes = 0;
  let readBytes = 0;
  for (const layer of spec.layers) {
    for (const tensor of layer.tensors) {
      const size = format.bytes(tensor);
      weightBytes += size;
      readBytes += isRoutedExpert(tensor.role) ? size * share : size;
    }
  }
  return { weightBytes, readBytes, cacheBytes: users * cachedBytes(spec, kvFormat, contextTokens) };
}

function isRoutedExpert(role: TensorRole): boolean {
  return role.startsWith('expert-');
}

/**
 * Returns the bytes of a sequence's cached entries in all layers, without recurrent state, whose type differs between
 * engines.
 */
function cachedBytes(spec: ModelSpec, kvFormat: KvFormat, contextTokens: number): number {
  const groups = cacheGroups(spec, {
    kvFormat,
    tensor: 1,
    layers: [0, spec.layers.length],
    recurrentElementBytes: 0,
    convolutionElementBytes: 0,
  });
  let total = 0;
  for (const { layers, tokensMax, tokensPerEntry, entryBytes } of groups) {
    total += layers * Math.floor(Math.min(contextTokens, tokensMax) / tokensPerEntry) * entryBytes;
  }
  return total;
}
