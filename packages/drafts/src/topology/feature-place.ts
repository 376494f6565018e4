/**
 * Where the features of a run are, in every topology. All processes of a run name the same place:
 *
 *   folder   one folder that all of them can open: a local disk, or a mounted one
 *   peers    a folder of each process, whose files the others read over HTTP
 *   nats     objects of the NATS server, where neither files nor HTTP pass
 *
 * Its owner frees features when the run says so. The folder belongs to one run: the end of the run removes what is left in it.
 */
import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { DirectoryStore, type FeatureStore, HttpPeerStore } from '@plimsoll/dataflow';
import type { NatsLink } from '@plimsoll/dataflow/nats';

export type FeaturePlace =
  | { readonly kind: 'folder'; readonly folder: string; readonly bytesMax: number }
  | ({ readonly kind: 'peers'; readonly folder: string; readonly bytesMax: number } & PeerAddress)
  | {
      readonly kind: 'nats';
      readonly link: NatsLink;
      readonly runId: string;
      readonly bytesMax: number;
    };

export interface PeerAddress {
  /** Address to listen on; 127.0.0.1 for one machine. */
  readonly host: string;
  /** A producer keeps its port over restarts, because refs hold it. 0 chooses a free one, which is enough for a trainer. */
  readonly port: number;
  /** Name under which the others reach `host`. */
  readonly publicHost: string;
  /** At least 16 characters, the same in all processes of the run. */
  readonly secret: string;
  /** `http://host:port` of every producer. */
  readonly peers: readonly string[];
}

export interface OpenedFeatures {
  readonly store: FeatureStore;
  /** Where peers read the features of this process; null if all processes have the same place. */
  readonly origin: string | null;
  close(): Promise<void>;
}

/** Limit of one request with its body. */
const requestSeconds = 60;

/** Throws `short-peer-secret`, `peer-cannot-listen` or `nats-unreachable`. */
export async function openFeatures(place: FeaturePlace): Promise<OpenedFeatures> {
  const process = {
    retention: 'abort',
    bytesMax: place.bytesMax,
    writer: randomBytes(8).toString('hex'),
    nowSeconds: () => Date.now() / 1000,
  } as const;
  if (place.kind === 'nats') {
    // A run in one process does not load the NATS client.
    const { NatsFeatureStore } = await import('@plimsoll/dataflow/nats');
    const { link, runId } = place;
    const store = await NatsFeatureStore.open({ ...process, link, runId });
    return { store, origin: null, close: async () => undefined };
  }
  const own = await DirectoryStore.open({ ...process, folder: resolve(place.folder) });
  if (place.kind === 'folder') return { store: own, origin: null, close: async () => undefined };
  const { host, port, publicHost, secret, peers } = place;
  const origins = new Set(peers);
  const store = await HttpPeerStore.open({
    ...{ own, retention: 'abort', host, port, publicHost, secret },
    isPeer: (origin) => origins.has(origin),
    timeoutSeconds: requestSeconds,
  });
  return { store, origin: store.origin, close: () => store.close() };
}
