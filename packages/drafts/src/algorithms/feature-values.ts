/** The features of a batch as numbers, checked against what an algorithm expects of them. */
import type { LoadedBatch, SampleRef } from '@plimsoll/dataflow';
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import { fromBfloat16, fromFloat16 } from '@plimsoll/foundation/half-floats';

/** The features of a batch by name, and the tasks and lengths of its samples. */
export interface Features extends Pick<LoadedBatch, 'tensors'> {
  readonly refs: readonly Pick<SampleRef, 'taskId' | 'tokenCount'>[];
}
/** A feature of all samples of a batch. */
export type Feature = Features['tensors'][string];

/** Tokens of a batch without its padding. */
export function tokensOf({ refs }: Features): number {
  return refs.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
}

/** [samples, tokens of the longest sample] */
export function sizeOf({ tensors }: Features): { readonly samples: number; readonly tokens: number } {
  const [samples = 0, tokens = 0] = tensors.input_ids?.shape ?? [];
  return { samples, tokens };
}

/**
 * Returns a feature of `width` numbers per token. Throws `missing-feature`, or `feature-mismatch` for another width: rows of
 * a wrong width would train without an error.
 */
export function featureOf(
  batch: Features,
  name: string,
  width: number,
): Float32Array | Int32Array | Uint8Array {
  const feature = batch.tensors[name];
  if (feature === undefined)
    throw new PlimsollError({
      code: 'missing-feature',
      message: `the samples have no feature ${name}`,
      value: Object.keys(batch.tensors).join(', '),
      limit: name,
      hint: 'capture the samples for the strategy that trains on them',
    });
  const found = feature.shape.at(-1) ?? 0;
  if (found !== width)
    throw new PlimsollError({
      code: 'feature-mismatch',
      message: `the feature ${name} has ${found} numbers per token, the draft reads ${width}`,
      value: found,
      limit: width,
      hint: 'train with the target and the layers that the samples were captured from',
    });
  return fromFeature(feature);
}

/** Token ids of a batch. Throws `foreign-token` for an id outside the vocabulary, whose embedding would be other memory. */
export function tokenIdsOf(batch: Features, vocabularySize: number): Int32Array {
  const ids = featureOf(batch, 'input_ids', 1);
  assert(ids instanceof Int32Array, 'token ids are whole numbers');
  const foreign = ids.findIndex((id) => id < 0 || id >= vocabularySize);
  if (foreign >= 0)
    throw new PlimsollError({
      code: 'foreign-token',
      message: `a sample has the token ${ids[foreign]}, the vocabulary has ${vocabularySize}`,
      value: defined(ids[foreign], 'the token was found'),
      limit: vocabularySize - 1,
      hint: 'train with the target that the samples were captured from',
    });
  return ids;
}

export function fromFeature({ dtype, data }: Feature): Float32Array | Int32Array | Uint8Array {
  // A copy, because the bytes of a file need not begin at a multiple of the element size.
  const { buffer } = data.slice();
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'BF16':
      return fromBfloat16(new Uint16Array(buffer));
    case 'F16':
      return fromFloat16(new Uint16Array(buffer));
    case 'I32':
      return new Int32Array(buffer);
    case 'I64':
      return Int32Array.from(new BigInt64Array(buffer), Number);
    case 'U8':
      return new Uint8Array(buffer);
  }
}
