/** Tensors of the data plane. They never enter a control-plane message; see no-tensors.ts. */
import type { FeatureType, SampleRef } from './sample-ref.ts';

export interface FeatureTensor {
  readonly dtype: FeatureType;
  readonly shape: readonly number[];
  /** Little-endian elements, row-major. */
  readonly data: Uint8Array;
}

export type FeatureTensors = Readonly<Record<string, FeatureTensor>>;

/** A lease on one generation of a sample. */
export interface FeatureHandle {
  readonly sampleId: string;
  readonly generation: number;
  readonly leaseToken: string;
}

/** What a training step reads: samples of one strategy and one form, padded to a common length. */
export interface TrainBatch {
  /** In plan order; row i of every tensor belongs to refs[i]. */
  readonly refs: readonly SampleRef[];
  readonly strategy: string;
  /** First dimension: samples. */
  readonly tensors: FeatureTensors;
}

export const featureTypeBytes: Readonly<Record<FeatureType, number>> = {
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U8: 1,
};
