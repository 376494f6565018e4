import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memorySource, readWhole } from './byte-source.ts';
import { openFileSource, openFileSourceIfPresent } from './byte-source-file.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'byte-source-'));
  await writeFile(
    join(directory, 'ten'),
    Uint8Array.from({ length: 10 }, (_, index) => index),
  );
});
afterAll(() => rm(directory, { recursive: true }));

const sources = {
  file: () => openFileSource(join(directory, 'ten')),
  memory: async () => memorySource(Uint8Array.from({ length: 10 }, (_, index) => index)),
};

describe.each(Object.entries(sources))('%s', (_name, open) => {
  test('reads the requested bytes, and fewer only at the end of the file', async () => {
    const source = await open();
    expect(source.size).toBe(10);
    expect([...(await source.read(0, 4))]).toEqual([0, 1, 2, 3]);
    expect([...(await source.read(8, 4))]).toEqual([8, 9]);
    expect([...(await source.read(10, 4))]).toEqual([]);
    expect([...(await source.read(99, 4))]).toEqual([]);
    expect([...(await source.read(0, 2 ** 40))].length).toBe(10);
    await source.close();
  });
});

test('errors name the file that cannot be read', async () => {
  await expect(openFileSource(join(directory, 'none'))).rejects.toMatchObject({ code: 'file-not-found' });
  await expect(openFileSource(join(directory, 'ten', 'inside'))).rejects.toMatchObject({
    code: 'file-not-found',
  });
  await expect(openFileSource(directory)).rejects.toMatchObject({ code: 'not-a-file', value: directory });
  expect(await openFileSourceIfPresent(join(directory, 'none'))).toBeNull();
});

test('a file that is read whole has a size limit', async () => {
  const ten = memorySource(new Uint8Array(10), 'ten');
  expect((await readWhole(ten, 10)).byteLength).toBe(10);
  await expect(readWhole(ten, 9)).rejects.toMatchObject({ code: 'file-too-large', value: 10, limit: 9 });
  const unsized = { ...ten, size: null };
  expect((await readWhole(unsized, 10)).byteLength).toBe(10);
  await expect(readWhole(unsized, 9)).rejects.toMatchObject({ code: 'file-too-large', limit: 9 });
});
