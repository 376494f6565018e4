/** One suite for every FeatureStore. A producer puts, a consumer gets; for a store of one process they are the same object. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { seededRandom } from '@plimsoll/foundation/random';
import { afterEach, describe, expect, test } from 'vitest';
import type { SampleRef } from '../contracts/sample-ref.ts';
import { DirectoryStore } from './directory-store.ts';
import type { FeatureStore, Retention } from './feature-store.ts';
import { HttpPeerStore } from './http-peer-store.ts';
import { examplePut, exampleSample } from './samples.test-data.ts';

interface Setting {
  readonly retention: Retention;
  readonly bytesMax: number;
}

interface Pair {
  readonly producer: FeatureStore;
  readonly consumer: FeatureStore;
  /** Folder of the published files. */
  readonly folder: string;
  /** Advances the clock of both. */
  readonly advance: (seconds: number) => void;
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

const kinds: Readonly<Record<string, (setting: Setting) => Promise<Pair>>> = {
  'one process on a folder': async (setting) => {
    const folder = await temporaryFolder();
    const clock = testClock();
    const store = await DirectoryStore.open({ ...setting, folder, writer: writer(), nowSeconds: clock.now });
    return { producer: store, consumer: store, folder, advance: clock.advance };
  },
  'two processes on a shared folder': async (setting) => {
    const folder = await temporaryFolder();
    const clock = testClock();
    const open = () => DirectoryStore.open({ ...setting, folder, writer: writer(), nowSeconds: clock.now });
    return { producer: await open(), consumer: await open(), folder, advance: clock.advance };
  },
  'two processes over HTTP': async (setting) => {
    const clock = testClock();
    const { store: producer, folder } = await openPeer(setting, clock.now);
    const { store: consumer } = await openPeer(setting, clock.now);
    return { producer, consumer, folder, advance: clock.advance };
  },
};

async function openPeer(setting: Setting, nowSeconds: () => number, secret = peerSecret): Promise<OpenPeer> {
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

const peerSecret = 'a secret of sixteen characters and more';

function testClock(): { readonly now: () => number; readonly advance: (seconds: number) => void } {
  let offset = 0;
  return {
    now: () => Date.now() / 1000 + offset,
    advance: (seconds) => {
      offset += seconds;
    },
  };
}

const usual: Setting = { retention: 'abort', bytesMax: 1e6 };
const nothingNeeded = { ageSecondsMin: 0, isNeeded: () => false };

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
  return 'none';
}

/** The path of the one published file. */
async function onlyFile(folder: string): Promise<string> {
  const names = await readdir(folder);
  expect(names).toHaveLength(1);
  return join(folder, names[0] ?? '');
}

describe.each(Object.entries(kinds))('%s', (_name, makePair) => {
  test('gives back the bytes that were put', async () => {
    const { producer, consumer } = await makePair(usual);
    const put = examplePut(1, 7);
    const ref = await producer.put(put);
    const { tensors } = await consumer.get(ref);
    const expected = Object.fromEntries(
      Object.entries(put.features).map(([name, { dtype, shape, data }]) => [name, { dtype, shape, data }]),
    );
    expect(tensors).toEqual(expected);
    // Every tensor is aligned to its elements, so that consumers can view it.
    for (const { data } of Object.values(tensors)) expect(data.byteOffset % 4).toBe(0);
  });

  test('a ref survives JSON and holds no tensors', async () => {
    const { producer, consumer } = await makePair(usual);
    const ref = await producer.put(examplePut(1));
    const copy: SampleRef = JSON.parse(JSON.stringify(ref));
    expect(copy).toEqual(ref);
    expect(Object.keys((await consumer.get(copy)).tensors)).toEqual(['hidden', 'input-ids']);
  });

  test('retention "release" frees with the last lease, and a second release does nothing', async () => {
    const { producer, consumer } = await makePair({ ...usual, retention: 'release' });
    const ref = await producer.put(examplePut(1));
    const first = await consumer.get(ref);
    const second = await consumer.get(ref);
    await consumer.release(first.handle, 'consumed');
    await consumer.release(first.handle, 'consumed');
    await consumer.release((await consumer.get(ref)).handle, 'unused');
    expect((await producer.status()).samples).toBe(1);
    await consumer.release(second.handle, 'consumed');
    expect(await producer.status()).toMatchObject({ samples: 0, residentBytes: 0 });
    expect(await codeOf(consumer.get(ref))).toBe('features-gone');
    expect((await consumer.status()).leases).toBe(0);
  });

  test('retention "abort" keeps released features until they are aborted', async () => {
    const { producer, consumer } = await makePair(usual);
    const ref = await producer.put(examplePut(1));
    const { handle } = await consumer.get(ref);
    await consumer.release(handle, 'consumed');
    expect(Object.keys((await consumer.get(ref)).tensors)).toHaveLength(2);
    await consumer.abort(ref);
    await consumer.abort(ref);
    expect(await codeOf(consumer.get(ref))).toBe('features-gone');
    expect(await codeOf(consumer.adopt(ref))).toBe('features-gone');
    expect(await consumer.status()).toMatchObject({ leases: 0, pendingRemovals: 0 });
    expect((await producer.status()).samples).toBe(0);
  });

  test('an abort ends leases; their release does nothing to a later generation', async () => {
    const { producer, consumer } = await makePair({ ...usual, retention: 'release' });
    const ref = await producer.put(examplePut(1));
    const { handle } = await consumer.get(ref);
    await consumer.abort(ref);
    const later = await producer.put(examplePut(1));
    await consumer.release(handle, 'consumed');
    expect(Object.keys((await consumer.get(later)).tensors)).toHaveLength(2);
  });

  test('a repeated put makes a later generation and leaves the earlier one', async () => {
    const { producer, consumer } = await makePair(usual);
    const first = await producer.put(examplePut(1));
    const second = await producer.put(examplePut(1));
    expect(second.file.generation).toBeGreaterThan(first.file.generation);
    await consumer.abort(first);
    expect(await codeOf(consumer.get(first))).toBe('features-gone');
    expect(Object.keys((await consumer.get(second)).tensors)).toHaveLength(2);
  });

  test('a full store refuses a put and stays as it was', async () => {
    const { producer, consumer } = await makePair({ ...usual, bytesMax: 2200 });
    const ref = await producer.put(examplePut(1));
    const before = await producer.status();
    expect(await codeOf(producer.put(examplePut(2)))).toBe('feature-store-full');
    expect(await producer.status()).toEqual(before);
    await consumer.abort(ref);
    expect(await codeOf(producer.put(examplePut(2)))).toBe('none');
  });

  test('concurrent puts keep the limit together', async () => {
    const { producer } = await makePair({ ...usual, bytesMax: 4000 });
    const codes = await Promise.all(
      Array.from({ length: 8 }, (_, index) => codeOf(producer.put(examplePut(index)))),
    );
    const { samples, residentBytes } = await producer.status();
    expect(codes.filter((code) => code === 'none')).toHaveLength(samples);
    expect(codes.filter((code) => code === 'feature-store-full')).toHaveLength(8 - samples);
    expect(residentBytes).toBeLessThanOrEqual(4000);
  });

  test('gc frees what is old, unleased and not needed', async () => {
    const { producer, consumer, advance } = await makePair(usual);
    const refs: SampleRef[] = [];
    for (let index = 0; index < 3; index++) refs.push(await producer.put(examplePut(index)));
    const rule = { ageSecondsMin: 60, isNeeded: (sampleId: string) => sampleId === refs[1]?.sampleId };
    expect(await producer.gc(rule)).toBe(0);
    advance(61);
    expect(await producer.gc(rule)).toBe(2);
    const codes = await Promise.all(refs.map((ref) => codeOf(consumer.adopt(ref))));
    expect(codes).toEqual(['features-gone', 'none', 'features-gone']);
    expect(await producer.gc(nothingNeeded)).toBe(1);
  });

  test('torn, damaged and replaced files end in typed errors and leave no lease', async () => {
    const { producer, consumer, folder } = await makePair(usual);
    const ref = await producer.put(examplePut(1));
    const path = await onlyFile(folder);
    const whole = await readFile(path);
    await truncate(path, whole.byteLength - 1);
    expect(await codeOf(consumer.get(ref))).toBe('feature-file-torn');
    expect(await codeOf(consumer.adopt(ref))).toBe('feature-file-torn');
    const random = seededRandom(7);
    for (let round = 0; round < 40; round++) {
      const damaged = Buffer.from(whole);
      const place = Math.floor(random() * damaged.byteLength);
      damaged[place] = (damaged[place] ?? 0) ^ (1 << Math.floor(random() * 8));
      await writeFile(path, damaged);
      expect(await codeOf(consumer.get(ref))).toBe('feature-hash-mismatch');
    }
    await rm(path);
    expect(await codeOf(consumer.get(ref))).toBe('features-gone');
    expect((await consumer.status()).leases).toBe(0);
  });

  test('a ref that says something else than its file is refused', async () => {
    const { producer, consumer } = await makePair(usual);
    const ref = await producer.put(examplePut(1));
    const other = { ...ref, target: { ...ref.target, sha256: 'b'.repeat(64) } };
    expect(await codeOf(consumer.get(other))).toBe('feature-manifest-mismatch');
    const renamed = { ...ref, sampleId: 'run:task-2' };
    expect(await codeOf(consumer.get(renamed))).toBe('bad-feature-address');
    const outside = { ...ref, file: { ...ref.file, address: 'file:///etc/passwd' } };
    expect(await codeOf(consumer.get(outside))).toBe('bad-feature-address');
  });

  test('features that no working target computes are refused before anything is written', async () => {
    const { producer, folder } = await makePair(usual);
    const put = examplePut(1, 4);
    const hidden = put.features.hidden;
    if (hidden === undefined) throw new Error('the example has hidden states');
    const values = new Float32Array(hidden.data.slice().buffer);
    const withValues = (change: (value: number, index: number) => number) => ({
      ...put,
      features: { hidden: { ...hidden, data: new Uint8Array(values.map(change).buffer) } },
    });
    const codes = {
      zero: await codeOf(producer.put(withValues(() => 0))),
      constant: await codeOf(producer.put(withValues(() => 0.25))),
      // The second of three layers, in every row.
      'zero layer': await codeOf(
        producer.put(withValues((value, index) => (Math.floor((index % 12) / 4) === 1 ? 0 : value))),
      ),
      nan: await codeOf(producer.put(withValues((value, index) => (index === 17 ? Number.NaN : value)))),
      infinity: await codeOf(producer.put(withValues((value, index) => (index === 47 ? -Infinity : value)))),
      'wrong bytes': await codeOf(
        producer.put({ ...put, features: { hidden: { ...hidden, shape: [3, 12] } } }),
      ),
      'uneven layers': await codeOf(
        producer.put({ ...put, features: { hidden: { ...hidden, layerIds: [1, 2, 3, 4, 5] } } }),
      ),
      'no features': await codeOf(producer.put({ ...put, features: {} })),
      'tensor in metadata': await codeOf(
        producer.put({ ...put, sample: { ...exampleSample(1), metadata: { hidden: new Float32Array(3) } } }),
      ),
      'path in id': await codeOf(producer.put({ ...put, sample: { ...exampleSample(1), sampleId: '../x' } })),
    };
    expect(codes).toMatchInlineSnapshot(`
      {
        "constant": "constant-features",
        "infinity": "non-finite-features",
        "nan": "non-finite-features",
        "no features": "bad-feature-manifest",
        "path in id": "bad-sample",
        "tensor in metadata": "tensor-in-control-plane",
        "uneven layers": "bad-feature",
        "wrong bytes": "bad-feature",
        "zero": "constant-features",
        "zero layer": "constant-features",
      }
    `);
    expect(await readdir(folder)).toEqual([]);
  });
});

test('a peer with another secret, a stranger and a peer that is down end in typed errors', async () => {
  const now = (): number => Date.now() / 1000;
  const { store: producer } = await openPeer(usual, now);
  const { store: consumer } = await openPeer(usual, now);
  const { store: other } = await openPeer(usual, now, 'another secret of a different run');
  const ref = await producer.put(examplePut(1));
  expect(await codeOf(other.get(ref))).toBe('peer-status');
  await other.abort(ref);
  expect((await producer.status()).samples).toBe(1);
  const address = ref.file.address.replace('127.0.0.1', 'features.example');
  const stranger = { ...ref, file: { ...ref.file, address } };
  expect(await codeOf(consumer.get(stranger))).toBe('foreign-peer');
  expect(await codeOf(consumer.abort(stranger))).toBe('foreign-peer');
  expect(await codeOf(openPeer(usual, now, 'short'))).toBe('short-peer-secret');
  await producer.close();
  expect(await codeOf(consumer.get(ref))).toBe('peer-unreachable');
  // Freed features of a peer that is down count as gone, and gc asks again.
  await consumer.abort(ref);
  expect(await consumer.status()).toMatchObject({ leases: 0, pendingRemovals: 1 });
  expect(await codeOf(consumer.get(ref))).toBe('features-gone');
  expect(await consumer.gc(nothingNeeded)).toBe(0);
});

test('a feature server answers published names alone', async () => {
  const { store, folder } = await openPeer(usual, () => 0);
  await writeFile(join(folder, 'notes.txt'), 'private');
  const ref = await store.put(examplePut(1));
  const ask = async (path: string, init: RequestInit): Promise<number> =>
    (await fetch(store.origin + path, init)).status;
  const headers = { authorization: `Bearer ${peerSecret}` };
  const path = new URL(ref.file.address).pathname;
  const statuses = {
    published: await ask(path, { headers }),
    'without the secret': await ask(path, {}),
    'removal without the secret': await ask(path, { method: 'DELETE' }),
    'another file': await ask('/features/notes.txt', { headers }),
    'removal of another file': await ask('/features/notes.txt', { headers, method: 'DELETE' }),
    'a path': await ask('/features/..%2F..%2Fetc%2Fpasswd', { headers }),
    'another method': await ask(path, { headers, method: 'POST' }),
  };
  expect(statuses).toMatchInlineSnapshot(`
    {
      "a path": 404,
      "another file": 404,
      "another method": 405,
      "published": 200,
      "removal of another file": 204,
      "removal without the secret": 401,
      "without the secret": 401,
    }
  `);
  expect(await readFile(join(folder, 'notes.txt'), 'utf8')).toBe('private');
  expect((await store.status()).samples).toBe(1);
});
