/** What HttpPeerStore and its server refuse. feature-store.test.ts has the suite of all stores. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { examplePut } from './samples.test-data.ts';
import { codeOf, nothingNeeded, openPeer, peerSecret, usual } from './store-pairs.test-data.ts';

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
