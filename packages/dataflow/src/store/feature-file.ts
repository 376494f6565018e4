/**
 * A feature file is a safetensors file with a manifest in its metadata: the sample, its target, layer ids and the SHA-256
 * of every tensor. A ref holds the SHA-256 of the header, and so pins every byte of the file with one pass over the data.
 */
import { createHash, webcrypto } from 'node:crypto';
import { PlimsollError } from '@plimsoll/foundation';
import { jsonPreview } from '@plimsoll/foundation/json-preview';
import { parseSafetensorsHeader } from '@plimsoll/model-files/safetensors';
import { layOutSafetensors } from '@plimsoll/model-files/writing';
import { type FeatureTensor, type FeatureTensors, featureTypeBytes } from '../contracts/feature-tensor.ts';
import {
  type FeatureManifest,
  type FeatureSpec,
  parseFeatureManifest,
  parseSampleDescription,
  type SampleDescription,
  type SampleRef,
  schemaVersion,
} from '../contracts/sample-ref.ts';
import { checkFeature } from './feature-checks.ts';
import type { FeaturePut } from './feature-store.ts';
import { blocksOf, quantizeFeature, restoreFeature } from './q8.ts';

const manifestKey = 'plimsoll.features';
/** Bytes of the length of a safetensors header. */
const prefixBytes = 8;

export interface EncodedFeatures {
  readonly sample: SampleDescription;
  readonly features: Readonly<Record<string, FeatureSpec>>;
  /** The file in order: header, then tensors. */
  readonly chunks: readonly Uint8Array[];
  readonly bytes: number;
  readonly headerSha256: string;
}

/** Checks and lays out the features of one sample. Throws what `checkFeature` and `parseSampleDescription` throw. */
export async function encodeFeatures(request: FeaturePut, generation: number): Promise<EncodedFeatures> {
  const sample = parseSampleDescription(request.sample);
  for (const [name, feature] of Object.entries(request.features)) checkFeature(name, feature);
  const entries = storedTensors(request.features);
  const hashes = await Promise.all(
    entries.map(async ({ name, data }) => [name, await tensorSha256(data)] as const),
  );
  const features = Object.fromEntries(
    Object.entries(request.features).map(([name, { data: _elements, ...spec }]) => [name, spec]),
  );
  const manifest = parseFeatureManifest({
    ...sample,
    schemaVersion,
    generation,
    features,
    sha256: Object.fromEntries(hashes),
  });
  const { header, fileBytes } = layOutSafetensors(entries, { [manifestKey]: JSON.stringify(manifest) });
  return {
    sample,
    features,
    chunks: [header, ...entries.map(({ data }) => data)],
    bytes: fileBytes,
    headerSha256: sha256(header),
  };
}

/**
 * Checks the bytes of a file against its ref and returns the tensors as views of `file`. Throws `feature-file-torn`,
 * `feature-hash-mismatch` or `feature-manifest-mismatch`.
 */
export async function decodeFeatures(file: Uint8Array<ArrayBuffer>, ref: SampleRef): Promise<FeatureTensors> {
  checkFileBytes(ref, file.byteLength);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const jsonBytes = file.byteLength < prefixBytes ? Number.NaN : Number(view.getBigUint64(0, true));
  const dataOffset = prefixBytes + jsonBytes;
  if (!(dataOffset <= file.byteLength)) throw hashMismatch(ref, 'header', 'no header', ref.file.headerSha256);
  const headerHash = sha256(file.subarray(0, dataOffset));
  if (headerHash !== ref.file.headerSha256)
    throw hashMismatch(ref, 'header', headerHash, ref.file.headerSha256);
  const header = parseSafetensorsHeader(file.subarray(prefixBytes, dataOffset), file.byteLength);
  const manifest = parseFeatureManifest(JSON.parse(header.metadata[manifestKey] ?? 'null'));
  compareManifest(manifest, ref);
  const stored = new Map<string, StoredTensor>();
  await Promise.all(
    header.tensors.map(async ({ name, shape, offset, bytes }) => {
      const data = file.subarray(offset, offset + bytes);
      const hash = await tensorSha256(data);
      if (hash !== manifest.sha256[name])
        throw hashMismatch(ref, `tensor "${name}"`, hash, String(manifest.sha256[name]));
      stored.set(name, { name, shape, data });
    }),
  );
  return Object.fromEntries(
    Object.entries(manifest.features).map(([name, spec]) => [
      name,
      restoreTensor(ref, { name, spec, stored }),
    ]),
  );
}

/** A tensor of the file. */
interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

/** Name of the scales of a feature in 8 bits. */
const scalesOf = (name: string): string => `${name}.scales`;

/** The tensors of the file: large elements come first, so that every tensor is aligned to its elements. */
function storedTensors(
  features: FeaturePut['features'],
): readonly (StoredTensor & { readonly type: string })[] {
  const tensors = Object.entries(features).flatMap(([name, feature]) => {
    const { dtype, shape, encoding } = feature;
    if (encoding === undefined)
      return [{ name, type: dtype, size: featureTypeBytes[dtype], shape, data: unshared(feature.data) }];
    const { values, scales } = quantizeFeature(name, feature);
    return [
      { name, type: 'I8', size: 1, shape, data: values },
      { name: scalesOf(name), type: 'F32', size: 4, shape: scaleShape(shape), data: scales },
    ];
  });
  return tensors.toSorted((left, right) => right.size - left.size || (left.name < right.name ? -1 : 1));
}

function scaleShape(shape: readonly number[]): readonly number[] {
  return [...shape.slice(0, -1), blocksOf(shape.at(-1) ?? 1)];
}

interface TensorPlace {
  readonly name: string;
  readonly spec: FeatureSpec;
  readonly stored: ReadonlyMap<string, StoredTensor>;
}

/** Returns a feature as it was put, or as close as its encoding allows. */
function restoreTensor(ref: SampleRef, { name, spec, stored }: TensorPlace): FeatureTensor {
  const { dtype, shape, encoding } = spec;
  const find = (tensor: string, tensorShape: readonly number[]): StoredTensor => {
    const found = stored.get(tensor);
    if (found !== undefined && found.shape.join() === tensorShape.join()) return found;
    throw manifestMismatch(ref, 'features', [...stored.keys()].join(', '), tensor);
  };
  const { data } = find(name, shape);
  if (encoding === undefined) return { dtype, shape, data };
  const scales = find(scalesOf(name), scaleShape(shape)).data;
  return { dtype, shape, data: restoreFeature({ values: data, scales }, dtype, shape.at(-1) ?? 1) };
}

/** Throws `feature-file-torn` if a file does not have the bytes of its ref. */
export function checkFileBytes(ref: SampleRef, bytes: number): void {
  if (bytes === ref.file.bytes) return;
  throw new PlimsollError({
    code: 'feature-file-torn',
    message: `the features of sample ${ref.sampleId} have ${bytes} bytes, the ref promises ${ref.file.bytes}`,
    value: bytes,
    limit: ref.file.bytes,
    hint: 'capture the sample again',
  });
}

/** Copies memory that threads share, as the engine's is: neither WebCrypto nor a file write accepts it. */
function unshared(data: Uint8Array): Uint8Array<ArrayBuffer> {
  return data.buffer instanceof ArrayBuffer
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

/** The header's hash proves the manifest; this comparison proves that the ref describes the same sample. */
function compareManifest(manifest: FeatureManifest, ref: SampleRef): void {
  const { file, ...described } = ref;
  const { sha256: _hashes, ...found } = manifest;
  const expected = { ...described, generation: file.generation };
  for (const [field, value] of Object.entries(expected)) {
    const own = Object.entries(found).find(([name]) => name === field)?.[1];
    if (canonicalJson(own) !== canonicalJson(value))
      throw manifestMismatch(ref, field, jsonPreview(own), jsonPreview(value));
  }
}

/** JSON with sorted keys, because a ledger or a queue may have changed their order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) =>
    typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : entry,
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Hashes in a thread of Node's pool, so that tensors are hashed in parallel. */
async function tensorSha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', data)).toString('hex');
}

function hashMismatch(ref: SampleRef, part: string, found: string, expected: string): PlimsollError {
  return new PlimsollError({
    code: 'feature-hash-mismatch',
    message: `the ${part} of sample ${ref.sampleId} has SHA-256 ${found}, expected ${expected}`,
    value: found,
    limit: expected,
    hint: 'the file is damaged or was replaced: capture the sample again',
  });
}

function manifestMismatch(ref: SampleRef, field: string, found: string, expected: string): PlimsollError {
  return new PlimsollError({
    code: 'feature-manifest-mismatch',
    message: `the file of sample ${ref.sampleId} has ${field} ${found}, its ref says ${expected}`,
    value: found,
    limit: expected,
    hint: 'the ref belongs to another file: capture the sample again',
  });
}
