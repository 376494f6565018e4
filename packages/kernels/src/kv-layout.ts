/**
 * The bytes of a paged KV cache. Inside a block, the keys of a kv head are transposed, [headDim, blockTokens], so that
 * a vector computes the scores of four keys without a horizontal sum; values are [blockTokens, headDim].
 *
 *     f32         like f16, with elements of 4 bytes
 *     f16 keys    [kvHeads][headDim][blockTokens] f16
 *     f16 values  [kvHeads][blockTokens][headDim] f16
 *     q8_0 keys   [kvHeads]( [headDim][blockTokens] i8, [headDim / 32][blockTokens] f16 scales )
 *     q8_0 values [kvHeads]( [blockTokens][headDim] i8, [blockTokens][headDim / 32] f16 scales )
 */
import { assert } from '@plimsoll/foundation';
import { attentionSpanTokens, attentionTokens, kvBlockTokensUnit } from '../assembly/opcodes.ts';
import type { KernelKvFormat } from './formats.ts';

interface KvShape {
  readonly kvFormat: KernelKvFormat;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly blockTokens: number;
}

/**
 * Bytes of the keys of one block of one layer; the values take the same number. `headDim` is a multiple of 8, with q8_0
 * of 32.
 */
export function kvBlockBytes({ kvFormat, kvHeads, headDim, blockTokens }: KvShape): number {
  assert(blockTokens % kvBlockTokensUnit === 0, `a KV block of ${blockTokens} tokens is not a multiple of 8`);
  const elements = kvHeads * headDim * blockTokens;
  if (kvFormat !== 'q8_0') {
    assert(headDim % 8 === 0, `${kvFormat} KV with a head of ${headDim} elements: not a multiple of 8`);
    return elements * (kvFormat === 'f32' ? 4 : 2);
  }
  assert(headDim % 32 === 0, `q8_0 KV with a head of ${headDim} elements: not a multiple of 32`);
  return elements + (elements / 32) * 2;
}

/**
 * Scratch bytes of `attention`, for all threads. Each thread needs one span of keys or values as f32, and for each of
 * up to 8 x (heads / kvHeads) query rows the scores of one span, the sums of a part of the context, and the maximum and
 * total of this part and of all parts so far. A span has as many whole blocks as fit into 64 tokens, at least one.
 */
export function attentionScratchBytes(
  shape: Omit<KvShape, 'kvFormat'> & { readonly heads: number },
  threads: number,
): number {
  const { heads, kvHeads, headDim, blockTokens } = shape;
  const queryRows = attentionTokens * (heads / kvHeads);
  const spanTokens = blockTokens * Math.max(1, Math.floor(attentionSpanTokens / blockTokens));
  const perThread = 4 * (headDim * spanTokens + queryRows * (spanTokens + headDim + 4));
  return threads * Math.ceil(perThread / 64) * 64;
}
