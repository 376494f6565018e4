/** Pairs of a producer's and a consumer's store, for the suites of this folder. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Objm } from '@nats-io/obj';
import { PlimsollError } from '@plimsoll/foundation';
import { afterAll, afterEach } from 'vitest';
import { NatsFeatureStore } from '../nats/nats-feature-store.ts';
import { natsServer, startNatsServer, type TestNatsServer } from '../nats/nats-server.test-data.ts';
import { DirectoryStore } from './directory-store.ts';
import type { FeatureStore, Retention } from './feature-store.ts';
import { HttpPeerStore } from './http-peer-store.ts';

export interface StoreSetting {
  readonly retention: Retention;
  readonly bytesMax: number;
}

export interface StorePair {
  readonly producer: FeatureStore;
  readonly consumer: FeatureStore;
  readonly stored: StoredFiles;
  /** Advances the clock of both. */
  readonly advance: (seconds: number) => void;
}

/** The published files, past the store. */
interface StoredFiles {
  names(): Promise<readonly string[]>;
  read(name: string): Promise<Buffer>;
  write(name: string, content: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
}

function filesIn(folder: string): StoredFiles {
  return {
    names: () => readdir(folder),
    read: (name) => readFile(join(folder, name)),
    write: (name, content) => writeFile(join(folder, name), content),
    remove: (name) => rm(join(folder, name)),
  };
}

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

const writer = (): string => randomBytes(8).toString('hex');

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-features-'));
  cleanUps.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export const storePairs: Readonly<Record<string, (setting: StoreSetting) => Promise<StorePair>>> = {
  'one process on a folder': async (setting) => {
    const folder = await temporaryFolder();
    const clock = testClock();
    const store = await DirectoryStore.open({ ...setting, folder, writer: writer(), nowSeconds: clock.now });
    return { producer: store, consumer: store, stored: filesIn(folder), advance: clock.advance };
  },
  'two processes on a shared folder': async (setting) => {
    const folder = await temporaryFolder();
    const clock = testClock();
    const open = () => DirectoryStore.open({ ...setting, folder, writer: writer(), nowSeconds: clock.now });
    return {
      producer: await open(),
      consumer: await open(),
      stored: filesIn(folder),
      advance: clock.advance,
    };
  },
  'two processes over HTTP': async (setting) => {
    const clock = testClock();
    const { store: producer, folder } = await openPeer(setting, clock.now);
    const { store: consumer } = await openPeer(setting, clock.now);
    return { producer, consumer, stored: filesIn(folder), advance: clock.advance };
  },
  ...(natsServer === null ? {} : { 'two processes through NATS objects': natsPair }),
};

export async function openPeer(
  setting: StoreSetting,
  nowSeconds: () => number,
  secret = peerSecret,
): Promise<OpenPeer> {
  const folder = await temporaryFolder();
  const own = await DirectoryStore.open({ ...setting, folder, writer: writer(), nowSeconds });
  const store = await HttpPeerStore.open({
    own,
    retention: setting.retention,
    host: '127.0.0.1',
    publicHost: '127.0.0.1',
    port: 0,
    secret,
    isPeer: (origin) => origin.startsWith('http://127.0.0.1:'),
    timeoutSeconds: 30,
  });
  cleanUps.push(() => store.close());
  return { store, folder };
}

interface OpenPeer {
  readonly store: HttpPeerStore;
  readonly folder: string;
}

export const peerSecret = 'a secret of sixteen characters and more';

function testClock(): { readonly now: () => number; readonly advance: (seconds: number) => void } {
  let offset = 0;
  return {
    now: () => Date.now() / 1000 + offset,
    advance: (seconds) => {
      offset += seconds;
    },
  };
}

export const usual: StoreSetting = { retention: 'abort', bytesMax: 1e6 };
export const nothingNeeded = { ageSecondsMin: 0, isNeeded: () => false };

export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
  return 'none';
}

interface NatsPair extends StorePair {
  readonly server: TestNatsServer;
  readonly bucket: string;
}

export async function natsPair(setting: StoreSetting): Promise<NatsPair> {
  const clock = testClock();
  server ??= startNatsServer(natsServer ?? '');
  const { connect } = await server;
  const runId = `run${++natsRuns}`;
  const bucket = `plimsoll-${runId}-features`;
  const open = async () =>
    NatsFeatureStore.open({
      ...setting,
      link: await connect(),
      runId,
      writer: writer(),
      nowSeconds: clock.now,
    });
  const producer = await open();
  const objects = await new Objm((await connect()).streams).open(bucket);
  cleanUps.push(() => producer.remove());
  const stored: StoredFiles = {
    names: async () => (await objects.list()).map(({ name }) => name),
    read: async (name) => Buffer.from((await objects.getBlob(name)) ?? []),
    write: async (name, content) => void (await objects.putBlob({ name }, content)),
    remove: async (name) => void (await objects.delete(name)),
  };
  return { producer, consumer: await open(), stored, advance: clock.advance, server: await server, bucket };
}

let natsRuns = 0;
/** Starts with the first pair. */
let server: Promise<TestNatsServer> | null = null;
afterAll(async () => {
  await (await server)?.remove();
});
