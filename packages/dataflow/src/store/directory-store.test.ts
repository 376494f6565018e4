/** DirectoryStore on a disk that is full, fails, or forgets what was not synced. */
import { seededRandom } from '@plimsoll/foundation/random';
import { expect, test } from 'vitest';
import { DirectoryStore } from './directory-store.ts';
import { encodeFeatures } from './feature-file.ts';
import type { FileSystem } from './file-system.ts';
import { examplePut } from './samples.test-data.ts';
import { SimulatedDisk } from './simulated-disk.test-data.ts';

const nothingNeeded = { ageSecondsMin: 0, isNeeded: () => false };
let writers = 0;
const writer = (): string => (++writers).toString(16).padStart(16, '0');

test('a full disk ends in a typed error and leaves no file', async () => {
  const disk = new SimulatedDisk(seededRandom(1));
  disk.bytesMax = 2200;
  const { fileSystem } = disk.boot();
  const store = await DirectoryStore.open({
    folder: '/features',
    retention: 'abort',
    bytesMax: 1e6,
    writer: writer(),
    nowSeconds: () => 0,
    fileSystem,
  });
  await store.put(examplePut(1));
  await expect(store.put(examplePut(2))).rejects.toMatchObject({ code: 'feature-disk-full' });
  expect(disk.fileNames).toHaveLength(1);
  expect(await store.status()).toMatchObject({ samples: 1, pendingRemovals: 0 });
});

test('a file that cannot be removed counts as gone, and gc removes it later', async () => {
  const disk = new SimulatedDisk(seededRandom(1));
  const { fileSystem } = disk.boot();
  let isBroken = false;
  const store = await DirectoryStore.open({
    folder: '/features',
    retention: 'abort',
    bytesMax: 1e6,
    writer: writer(),
    nowSeconds: () => 0,
    fileSystem: {
      ...fileSystem,
      remove: (path) => (isBroken ? Promise.reject(new Error('EIO')) : fileSystem.remove(path)),
    },
  });
  const ref = await store.put(examplePut(1));
  isBroken = true;
  await store.abort(ref);
  expect(await store.status()).toMatchObject({ samples: 0, pendingRemovals: 1 });
  await expect(store.get(ref)).rejects.toMatchObject({ code: 'features-gone' });
  await expect(store.adopt(ref)).rejects.toMatchObject({ code: 'features-gone' });
  expect(await store.gc(nothingNeeded)).toBe(0);
  isBroken = false;
  expect(await store.gc(nothingNeeded)).toBe(1);
  expect(disk.fileNames).toEqual([]);
});

test('a crash between any two file operations of a put leaves a whole file or none', async () => {
  const { bytes: wholeBytes } = await encodeFeatures(examplePut(1), 1);
  let isComplete = false;
  for (let operations = 0; !isComplete; operations++) {
    for (let seed = 0; seed < 8; seed++) {
      const disk = new SimulatedDisk(seededRandom(seed));
      const open = (fileSystem: FileSystem) =>
        DirectoryStore.open({
          folder: '/features',
          retention: 'abort',
          bytesMax: 1e6,
          writer: writer(),
          nowSeconds: () => 1,
          fileSystem,
        });
      // Opening takes one operation.
      const { fileSystem, hasCrashed } = disk.boot(1 + operations);
      const ref = await (await open(fileSystem)).put(examplePut(1)).catch(() => null);
      isComplete = !hasCrashed();
      const { fileSystem: nextFiles } = disk.boot();
      const published = (await nextFiles.list('')).filter(({ name }) => name.endsWith('.safetensors'));
      expect(published.every(({ bytes }) => bytes === wholeBytes)).toBe(true);
      const next = await open(nextFiles);
      // A ref that was returned is durable; without one, gc frees whatever the crash has left.
      if (ref !== null) expect(Object.keys((await next.get(ref)).tensors)).toHaveLength(2);
      const isNeeded = (): boolean => ref !== null;
      await next.gc({ ageSecondsMin: 0, isNeeded });
      expect(disk.fileNames).toHaveLength(ref === null ? 0 : 1);
      const again = await next.put(examplePut(1));
      expect(again.file.generation).toBeGreaterThan(ref?.file.generation ?? 0);
    }
    expect(operations).toBeLessThan(20);
  }
});

test('a file that is published and not yet synced counts once against the limit', async () => {
  const disk = new SimulatedDisk(seededRandom(1));
  const { fileSystem } = disk.boot();
  const syncing = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let syncs = 0;
  const synced = Promise.withResolvers<void>();
  const { bytes } = await encodeFeatures(examplePut(1), 1);
  const store = await DirectoryStore.open({
    folder: '/features',
    retention: 'abort',
    bytesMax: 2 * bytes + 100,
    writer: writer(),
    nowSeconds: () => 0,
    fileSystem: {
      ...fileSystem,
      syncFolder: async (path) => {
        syncing[syncs++]?.resolve();
        await synced.promise;
        await fileSystem.syncFolder(path);
      },
    },
  });
  const first = store.put(examplePut(1));
  await syncing[0]?.promise;
  const second = store.put(examplePut(2));
  // The second put has passed the check of the limit, or has failed, while the first one syncs.
  await Promise.race([second, syncing[1]?.promise]);
  synced.resolve();
  await Promise.all([first, second]);
  expect((await store.status()).samples).toBe(2);
});
