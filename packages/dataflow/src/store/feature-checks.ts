/**
 * Refuses features that no working target computes. A wrong layer id, an unfilled buffer or a cached prefix gives zeros or
 * one repeated value; training on these shows a falling loss and a draft that never accepts.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { featureTypeBytes } from '../contracts/feature-tensor.ts';
import type { FeatureType } from '../contracts/sample-ref.ts';
import type { FeatureInput } from './feature-store.ts';

/** Bits of the exponent, all of which are set in an infinity or NaN; absent for integers. */
const exponentBits: Readonly<Partial<Record<FeatureType, number>>> = {
  F32: 0x7f800000,
  F16: 0x7c00,
  BF16: 0x7f80,
};

/** Throws `bad-feature`, `constant-features` or `non-finite-features`. */
export function checkFeature(name: string, feature: FeatureInput): void {
  const { dtype, shape, data, layerIds } = feature;
  if (!(data instanceof Uint8Array)) throw badFeature(name, 'is no tensor', typeof data, 'a Uint8Array');
  const bytes = shape.reduce((product, size) => product * size, featureTypeBytes[dtype]);
  if (data.byteLength !== bytes || bytes === 0)
    throw badFeature(
      name,
      `of ${dtype} [${shape.join(', ')}] has ${data.byteLength} bytes`,
      data.byteLength,
      bytes,
    );
  const width = shape.at(-1) ?? 1;
  const layerCount = layerIds?.length ?? 1;
  if (width % layerCount !== 0)
    throw badFeature(
      name,
      `has width ${width} for ${layerCount} layers`,
      width,
      `a multiple of ${layerCount}`,
    );
  const exponent = exponentBits[dtype];
  if (exponent === undefined) return;
  const elements = elementsOf(dtype, data);
  const layerWidth = width / layerCount;
  for (let layer = 0; layer < layerCount; layer++) {
    if (isConstant(elements, { width, begin: layer * layerWidth, end: (layer + 1) * layerWidth }))
      throw constantFeature(name, feature, layer);
  }
  const index = firstNonFinite(elements, exponent);
  if (index >= 0)
    throw new PlimsollError({
      code: 'non-finite-features',
      message: `feature "${name}" has a NaN or an infinity at element ${index}`,
      value: index,
      limit: 'finite numbers',
      hint: 'the target overflows in this type: capture in F32 or BF16',
    });
}

/** Returns -1 if all elements are finite. A loop, because a callback per element takes longer than writing the file. */
function firstNonFinite(elements: Uint16Array | Uint32Array, exponent: number): number {
  for (let index = 0; index < elements.length; index++)
    if (((elements[index] ?? 0) & exponent) === exponent) return index;
  return -1;
}

/** Views elements as their bits; copies if the bytes are not aligned. */
function elementsOf(dtype: FeatureType, data: Uint8Array): Uint16Array | Uint32Array {
  const size = featureTypeBytes[dtype];
  const { buffer, byteOffset, byteLength } = data.byteOffset % size === 0 ? data : data.slice();
  return size === 2
    ? new Uint16Array(buffer, byteOffset, byteLength / 2)
    : new Uint32Array(buffer, byteOffset, byteLength / 4);
}

interface Columns {
  readonly width: number;
  readonly begin: number;
  readonly end: number;
}

/** Compares bits, so that a working feature differs at one of the first elements. One element is never constant. */
function isConstant(elements: Uint16Array | Uint32Array, { width, begin, end }: Columns): boolean {
  if (elements.length <= width && end - begin === 1) return false;
  const first = elements[begin];
  for (let row = 0; row < elements.length; row += width) {
    for (let column = begin; column < end; column++) if (elements[row + column] !== first) return false;
  }
  return true;
}

function constantFeature(name: string, { layerIds }: FeatureInput, layer: number): PlimsollError {
  const place = layerIds === null ? '' : ` in layer ${layerIds[layer]}`;
  return new PlimsollError({
    code: 'constant-features',
    message: `every element of feature "${name}"${place} has the same value`,
    value: layerIds?.[layer] ?? name,
    limit: 'features that differ between tokens',
    hint: 'check the layer ids of the recipe, and that the target computes the prompt without a cached prefix',
  });
}

function badFeature(
  name: string,
  problem: string,
  value: string | number,
  limit: string | number,
): PlimsollError {
  return new PlimsollError({
    code: 'bad-feature',
    message: `feature "${name}" ${problem}`,
    value,
    limit,
    hint: 'pass the tensor that the target returned, with its shape and type',
  });
}
