/**
 * Features of machines without a shared folder: each process keeps its own files and serves them to its peers. A put writes
 * to the own folder and returns an HTTP address; a get reads own files from the folder and other files from their peer.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { FeatureHandle } from '../contracts/feature-tensor.ts';
import type { SampleRef } from '../contracts/sample-ref.ts';
import type { DirectoryStore } from './directory-store.ts';
import { checkFileBytes, decodeFeatures } from './feature-file.ts';
import { type FeatureServer, featuresPath, serveFeatures } from './feature-server.ts';
import type {
  FeaturePut,
  FeatureStore,
  GarbageRule,
  LeasedFeatures,
  LeaseUse,
  Retention,
  StoreStatus,
} from './feature-store.ts';
import { fileNameOfRef } from './file-name.ts';
import { LeaseTable } from './lease-table.ts';
import { featuresGone } from './store-errors.ts';

export interface HttpPeerOptions {
  /** The files of this process, with the retention of the run. */
  readonly own: DirectoryStore;
  readonly retention: Retention;
  readonly host: string;
  readonly port: number;
  /** Name under which peers reach `host`. */
  readonly publicHost: string;
  /** The secret of the run, which every peer has. */
  readonly secret: string;
  /** Decides which origins (`http://host:port`) get the secret. */
  readonly isPeer: (origin: string) => boolean;
  /** Limit of one request with its body. */
  readonly timeoutSeconds: number;
}

export class HttpPeerStore implements FeatureStore {
  readonly #options: HttpPeerOptions;
  readonly #server: FeatureServer;
  /** Origin of this process in the addresses of its refs. */
  readonly origin: string;
  /** Leases of files of peers, by their address. */
  readonly #leases: LeaseTable;
  /** Address -> ref of a file that its peer has not freed yet. */
  readonly #pendingRemovals = new Map<string, SampleRef>();

  private constructor(options: HttpPeerOptions, server: FeatureServer) {
    this.#options = options;
    this.#server = server;
    this.origin = `http://${options.publicHost}:${server.port}`;
    this.#leases = new LeaseTable(this.origin);
  }

  /** Starts to serve. Throws `short-peer-secret` or `peer-cannot-listen`. */
  static async open(options: HttpPeerOptions): Promise<HttpPeerStore> {
    return new HttpPeerStore(options, await serveFeatures({ ...options, store: options.own }));
  }

  async close(): Promise<void> {
    await this.#server.close();
  }

  async put(request: FeaturePut): Promise<SampleRef> {
    const ref = await this.#options.own.put(request);
    const address = `${this.origin}${featuresPath}${fileNameOfRef(ref)}`;
    return { ...ref, file: { ...ref.file, address } };
  }

  async get(ref: SampleRef): Promise<LeasedFeatures> {
    if (this.#isOwn(ref)) return this.#options.own.get(ref);
    const handle = this.#leases.take(ref.file.address, ref);
    try {
      const response = await this.#request(ref, 'GET');
      return { tensors: await decodeFeatures(await this.#body(ref, response), ref), handle };
    } catch (error) {
      this.#leases.cancel(handle);
      throw error;
    }
  }

  async release(handle: FeatureHandle, use: LeaseUse): Promise<void> {
    const ref = this.#leases.refOf(handle);
    if (ref === null) {
      await this.#options.own.release(handle, use);
      return;
    }
    const isLast = this.#leases.end(handle, use) !== null;
    if (isLast && this.#options.retention === 'release') await this.#free(ref);
  }

  async abort(ref: SampleRef): Promise<void> {
    if (this.#isOwn(ref)) {
      await this.#options.own.abort(ref);
      return;
    }
    this.#leases.dropAll(ref.file.address);
    await this.#free(ref);
  }

  async adopt(ref: SampleRef): Promise<void> {
    if (this.#isOwn(ref)) {
      await this.#options.own.adopt(ref);
      return;
    }
    const response = await this.#request(ref, 'HEAD');
    checkFileBytes(ref, lengthOf(response));
  }

  async gc(rule: GarbageRule): Promise<number> {
    const pending = [...this.#pendingRemovals.values()];
    for (const ref of pending) await this.#free(ref);
    const freed = pending.filter(({ file }) => !this.#pendingRemovals.has(file.address)).length;
    return freed + (await this.#options.own.gc(rule));
  }

  /** Counts own files, and leases and removals of files of peers too. */
  async status(): Promise<StoreStatus> {
    const own = await this.#options.own.status();
    return {
      ...own,
      leases: own.leases + this.#leases.count,
      pendingRemovals: own.pendingRemovals + this.#pendingRemovals.size,
    };
  }

  #isOwn(ref: SampleRef): boolean {
    fileNameOfRef(ref);
    return new URL(ref.file.address).origin === this.origin;
  }

  /** Frees a file of a peer, or remembers it for `gc`: a peer that is down must not stop training. */
  async #free(ref: SampleRef): Promise<void> {
    this.#pendingRemovals.delete(ref.file.address);
    try {
      await this.#request(ref, 'DELETE');
    } catch (error) {
      if (error instanceof PlimsollError && error.code === 'foreign-peer') throw error;
      this.#pendingRemovals.set(ref.file.address, ref);
    }
  }

  async #request(ref: SampleRef, method: 'GET' | 'HEAD' | 'DELETE'): Promise<Response> {
    const { address } = ref.file;
    if (this.#pendingRemovals.has(address)) throw featuresGone(ref);
    const { origin } = new URL(address);
    if (!this.#options.isPeer(origin)) throw foreignPeer(origin, ref);
    const response = await this.#fetch(address, method).catch((cause: unknown) => {
      throw unreachable(origin, cause);
    });
    if (response.ok) return response;
    await response.body?.cancel();
    throw response.status === 404 ? featuresGone(ref) : peerStatus(origin, response.status);
  }

  #fetch(address: string, method: string): Promise<Response> {
    return fetch(address, {
      method,
      headers: { authorization: `Bearer ${this.#options.secret}` },
      redirect: 'error', // a redirect would carry the secret elsewhere
      signal: AbortSignal.timeout(1000 * this.#options.timeoutSeconds),
    });
  }

  /** Reads a body whose length is that of the ref; a peer cannot make it longer. */
  async #body(ref: SampleRef, response: Response): Promise<Uint8Array<ArrayBuffer>> {
    try {
      checkFileBytes(ref, lengthOf(response));
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      throw unreachable(new URL(ref.file.address).origin, cause);
    }
  }
}

/** Returns NaN, which no ref promises, for a body of unknown length. */
function lengthOf(response: Response): number {
  return Number(response.headers.get('content-length') ?? Number.NaN);
}

function foreignPeer(origin: string, ref: SampleRef): PlimsollError {
  return new PlimsollError({
    code: 'foreign-peer',
    message: `the features of sample ${ref.sampleId} are at ${origin}, which is no peer of this run`,
    value: origin,
    limit: 'the peers that the recipe names',
    hint: 'add the address of the producer to the recipe',
  });
}

function unreachable(origin: string, cause: unknown): PlimsollError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : '';
  const reason = inner || (cause instanceof Error ? cause.message : String(cause));
  return new PlimsollError(
    {
      code: 'peer-unreachable',
      message: `the peer ${origin} cannot be read: ${reason}`,
      value: origin,
      hint: 'start the producer again: its published features are still in its folder',
    },
    { cause },
  );
}

function peerStatus(origin: string, status: number): PlimsollError {
  return new PlimsollError({
    code: 'peer-status',
    message: `the peer ${origin} answered ${status}`,
    value: status,
    limit: '200, 204 or 404',
    hint: status === 401 ? 'give all processes of the run the same secret' : 'read the log of the peer',
  });
}
