/**
 * The data plane: tensors by reference. A producer puts the features of one sample and gets a SampleRef; a consumer gets the
 * tensors of a ref under a lease. Published files never change, and a put removes no earlier generation: the ledger decides
 * which generation of a sample counts, so that a repeated capture cannot remove features that a ledger has accepted.
 * feature-store.test.ts runs one suite against every implementation.
 */
import type { FeatureHandle, FeatureTensor, FeatureTensors } from '../contracts/feature-tensor.ts';
import type { FeatureSpec, SampleDescription, SampleRef } from '../contracts/sample-ref.ts';

export type FeatureInput = FeatureTensor & Pick<FeatureSpec, 'layerIds' | 'targetForm' | 'encoding'>;

export interface FeaturePut {
  readonly sample: SampleDescription;
  readonly features: Readonly<Record<string, FeatureInput>>;
}

export interface LeasedFeatures {
  /** The caller owns these arrays: the store keeps no reference to them. */
  readonly tensors: FeatureTensors;
  readonly handle: FeatureHandle;
}

/**
 * When bytes are freed. `release`: consume once, with the last lease after a use. `abort`: when the owner of the ledger says so, which
 * survives a crash between reading and training.
 */
export type Retention = 'release' | 'abort';

/** `unused` ends a lease of features that were not trained; they stay, whatever the retention. */
export type LeaseUse = 'consumed' | 'unused';

export interface GarbageRule {
  /** Files younger than this stay: a producer may be about to commit them. */
  readonly ageSecondsMin: number;
  /** True for a generation that the ledger still needs. */
  readonly isNeeded: (sampleId: string, generation: number) => boolean;
}

export interface StoreStatus {
  readonly samples: number;
  readonly residentBytes: number;
  readonly leases: number;
  /** Files whose removal failed; `gc` tries them again. */
  readonly pendingRemovals: number;
}

export interface FeatureStore {
  /**
   * Publishes features: all of them become visible at once, or none. Throws `feature-store-full` or `feature-disk-full` and
   * leaves the store as it was; throws `constant-features`, `non-finite-features` or `bad-feature` for tensors that no
   * working target computes.
   */
  put(request: FeaturePut): Promise<SampleRef>;
  /**
   * Reads and checks the features of a ref, and takes a lease. Throws `features-gone`, `feature-file-torn`,
   * `feature-hash-mismatch` or `feature-manifest-mismatch`; a failed get leaves no lease.
   */
  get(ref: SampleRef): Promise<LeasedFeatures>;
  /** Ends a lease. A second call, or a call after `abort`, does nothing. */
  release(handle: FeatureHandle, use: LeaseUse): Promise<void>;
  /** Frees one generation, leased or not. A second call does nothing. */
  abort(ref: SampleRef): Promise<void>;
  /**
   * Takes responsibility for a generation that an earlier process or another process has published. Throws `features-gone`
   * or `feature-file-torn`.
   */
  adopt(ref: SampleRef): Promise<void>;
  /** Frees unleased files that the rule does not need, unfinished files and pending removals. Returns the freed files. */
  gc(rule: GarbageRule): Promise<number>;
  status(): Promise<StoreStatus>;
}
