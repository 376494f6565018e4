/** Stacks the features of several samples into a batch, padded with zeros to the longest sample. */
import { assert, defined, PlimsollError } from '@plimsoll/foundation';
import {
  type FeatureTensor,
  type FeatureTensors,
  featureTypeBytes,
  type TrainBatch,
} from '../contracts/feature-tensor.ts';
import type { FeatureSpec, SampleRef } from '../contracts/sample-ref.ts';

export interface LoadedSample {
  readonly ref: SampleRef;
  readonly tensors: FeatureTensors;
}

/** Throws `mixed-batch` unless all samples have one strategy and the same features, up to their length. */
export function checkSameForm(refs: readonly SampleRef[]): void {
  const [first, ...others] = refs;
  for (const ref of others) if (first !== undefined) checkAlike(first, ref);
}

/** Stacks samples that `checkSameForm` has accepted. */
export function collate(samples: readonly LoadedSample[]): TrainBatch {
  const [first] = samples;
  assert(first !== undefined, 'a batch has samples');
  const names = Object.keys(first.ref.features);
  const tensors = names.map((name) => {
    const rows = samples.map((sample) => defined(sample.tensors[name], `a sample has its feature ${name}`));
    return [name, stack(rows)] as const;
  });
  return {
    refs: samples.map(({ ref }) => ref),
    strategy: first.ref.strategy,
    tensors: Object.fromEntries(tensors),
  };
}

/** [length, ...rest] of each row -> [rows, longest, ...rest] */
function stack(rows: readonly FeatureTensor[]): FeatureTensor {
  const [first] = rows;
  assert(first !== undefined, 'a batch has rows');
  const rest = first.shape.slice(1);
  const longest = Math.max(...rows.map(({ shape }) => shape[0] ?? 0));
  const rowBytes = rest.reduce((product, size) => product * size, longest * featureTypeBytes[first.dtype]);
  const data = new Uint8Array(rows.length * rowBytes);
  for (const [index, row] of rows.entries()) data.set(row.data, index * rowBytes);
  return { dtype: first.dtype, shape: [rows.length, longest, ...rest], data };
}

function checkAlike(first: SampleRef, ref: SampleRef): void {
  const expected = formOf(first);
  const found = formOf(ref);
  if (found === expected) return;
  throw new PlimsollError({
    code: 'mixed-batch',
    message: `samples ${first.sampleId} and ${ref.sampleId} cannot share a batch: their features differ`,
    value: found,
    limit: expected,
    hint: 'train captures of one target, strategy and schema version together',
  });
}

/** All that the samples of a batch have in common, as text. */
function formOf({ schemaVersion, strategy, features }: SampleRef): string {
  const specs = Object.entries(features)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, spec]) => `${name} ${specText(spec)}`);
  return `version ${schemaVersion}, ${strategy}: ${specs.join('; ')}`;
}

function specText({ dtype, shape, layerIds, targetForm, encoding }: FeatureSpec): string {
  const layers = layerIds === null ? '' : ` of layers ${layerIds.join(' ')}`;
  return `${dtype} [length${shape
    .slice(1)
    .map((size) => `, ${size}`)
    .join(
      '',
    )}]${layers}${targetForm === null ? '' : ` ${targetForm}`}${encoding === undefined ? '' : ` in ${encoding}`}`;
}
