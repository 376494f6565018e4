/**
 * Features in a NATS object store, for machines between which neither files nor HTTP pass. It is the slowest store: prefer a
 * shared folder or HttpPeerStore.
 */
import type { FeatureHandle } from '../contracts/feature-tensor.ts';
import type { SampleRef } from '../contracts/sample-ref.ts';
import { DirectoryStore, type DirectoryStoreOptions } from '../store/directory-store.ts';
import type {
  FeaturePut,
  FeatureStore,
  GarbageRule,
  LeasedFeatures,
  LeaseUse,
  StoreStatus,
} from '../store/feature-store.ts';
import { fileNameOfRef } from '../store/file-name.ts';
import type { NatsLink } from './nats-connection.ts';
import { openObjectFiles } from './object-files.ts';
import { runNames } from './run-names.ts';

export interface NatsStoreOptions extends Omit<DirectoryStoreOptions, 'folder' | 'fileSystem'> {
  readonly link: NatsLink;
  readonly runId: string;
}

export class NatsFeatureStore implements FeatureStore {
  readonly #options: NatsStoreOptions;
  readonly #objects: DirectoryStore;
  readonly #bucket: string;

  private constructor(options: NatsStoreOptions, objects: DirectoryStore, bucket: string) {
    this.#options = options;
    this.#objects = objects;
    this.#bucket = bucket;
  }

  /** Throws `nats-unreachable`. */
  static async open(options: NatsStoreOptions): Promise<NatsFeatureStore> {
    const { featureBucket } = runNames(options.runId);
    const fileSystem = await openObjectFiles(options.link, featureBucket);
    const objects = await DirectoryStore.open({ ...options, folder: '/', fileSystem });
    return new NatsFeatureStore(options, objects, featureBucket);
  }

  async put(request: FeaturePut): Promise<SampleRef> {
    const ref = await this.#objects.put(request);
    const address = `nats://${this.#bucket}/${fileNameOfRef(ref)}`;
    return { ...ref, file: { ...ref.file, address } };
  }

  get(ref: SampleRef): Promise<LeasedFeatures> {
    return this.#objects.get(ref);
  }

  release(handle: FeatureHandle, use: LeaseUse): Promise<void> {
    return this.#objects.release(handle, use);
  }

  abort(ref: SampleRef): Promise<void> {
    return this.#objects.abort(ref);
  }

  adopt(ref: SampleRef): Promise<void> {
    return this.#objects.adopt(ref);
  }

  gc(rule: GarbageRule): Promise<number> {
    return this.#objects.gc(rule);
  }

  status(): Promise<StoreStatus> {
    return this.#objects.status();
  }

  /** Removes the bucket with all features of the run. */
  async remove(): Promise<void> {
    const { link } = this.#options;
    await link.persist(() => link.manager.streams.delete(`OBJ_${this.#bucket}`));
  }
}
