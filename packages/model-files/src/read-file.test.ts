/**
 * A file that is not regular, or is too large for its kind, ends in an error at once: no read waits or runs without
 * end.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFileSource } from './byte-source-file.ts';
import { readGgufFile } from './gguf/read-model.ts';
import { type FileKind, fileBytesMax, readJsonFile, readTextFile } from './read-file.ts';
import { readModelDirectory, readSafetensors } from './safetensors/read-directory.ts';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'read-file-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function written(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

test.skipIf(process.platform === 'win32')(
  'pipes, sockets, devices and directories are refused without waiting',
  async () => {
    const pipe = join(directory, 'pipe');
    execFileSync('mkfifo', [pipe], { stdio: 'ignore' });
    const socket = join(directory, 'socket');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const link = join(directory, 'link');
    await symlink('/dev/zero', link);
    for (const path of [pipe, '/dev/zero', link, directory]) {
      await expect(openFileSource(path)).rejects.toMatchObject({ code: 'not-a-file', value: path });
      await expect(readJsonFile(path)).rejects.toMatchObject({ code: 'not-a-file' });
      await expect(readTextFile(path, 'template')).rejects.toMatchObject({ code: 'not-a-file' });
      await expect(readGgufFile(path)).rejects.toMatchObject({ code: 'not-a-file' });
      await expect(readSafetensors(path)).rejects.toMatchObject({ code: 'not-a-file' });
    }
    await expect(openFileSource(socket)).rejects.toMatchObject({
      code: expect.stringMatching(/not-a-file|file-unreadable/),
    });
    server.close();
    // The files of a model directory may be pipes, too.
    const model = await mkdtemp(join(directory, 'model-'));
    for (const name of ['config.json', 'model.safetensors.index.json', 'model.safetensors']) {
      execFileSync('mkfifo', [join(model, name)], { stdio: 'ignore' });
      await expect(readModelDirectory(model)).rejects.toMatchObject({ code: 'not-a-file' });
      await rm(join(model, name));
      await writeFile(join(model, 'config.json'), '{}');
    }
  },
);

test.each(Object.entries(fileBytesMax))('a file of kind %s has a size limit', async (kind, limit) => {
  const path = await written('large', '{}');
  await truncate(path, limit + 1);
  const refusal = { code: 'file-too-large', value: limit + 1, limit };
  await expect(readJsonFile(path, kind as FileKind)).rejects.toMatchObject(refusal);
  await expect(readTextFile(path, kind as FileKind)).rejects.toMatchObject(refusal);
});

test('the depth of JSON is limited, and brackets inside strings do not count', async () => {
  const nested = (depth: number): string => `{"a":"[[[[\\"[","b":${'['.repeat(depth)}${']'.repeat(depth)}}`;
  expect(await readJsonFile(await written('deep.json', nested(127)))).toHaveProperty('b');
  await expect(readJsonFile(await written('deeper.json', nested(128)))).rejects.toMatchObject({
    code: 'json-too-deep',
    value: 129,
    limit: 128,
  });
  await expect(readJsonFile(await written('deepest.json', '['.repeat(2 ** 22)))).rejects.toMatchObject({
    code: 'json-too-deep',
  });
});

test('the number of JSON values is limited, because parsed values take memory', async () => {
  const flat = await written('flat.json', `[${'[],'.repeat(600_000)}[]]`);
  await expect(readJsonFile(flat)).rejects.toMatchObject({ code: 'json-too-large', limit: 1_000_000 });
  expect(await readJsonFile(flat, 'index')).toHaveLength(600_001);
  const few = await written('few.json', '{"a":[1,{"b":2}],"c":"[,,,,]"}');
  expect(await readJsonFile(few, 'config', { valuesMax: 6 })).toEqual({ a: [1, { b: 2 }], c: '[,,,,]' });
  await expect(readJsonFile(few, 'config', { valuesMax: 5 })).rejects.toMatchObject({ value: 6 });
  await expect(readJsonFile(few, 'config', { bytesMax: 10 })).rejects.toMatchObject({
    code: 'file-too-large',
    limit: 10,
  });
});

test('invalid UTF-8, invalid JSON and unusable paths are refused', async () => {
  await expect(readJsonFile(await written('bad.json', '{'))).rejects.toMatchObject({ code: 'bad-json' });
  const bytes = new Uint8Array([0x22, 0xff, 0x22]);
  await expect(readJsonFile(await written('bytes.json', bytes))).rejects.toMatchObject({ code: 'not-utf-8' });
  await expect(readTextFile(join(directory, 'bytes.json'), 'template')).rejects.toMatchObject({
    code: 'not-utf-8',
  });
  await expect(readJsonFile(join(directory, 'none.json'))).rejects.toMatchObject({ code: 'file-not-found' });
  await expect(readJsonFile('nul\0inside')).rejects.toMatchObject({ code: 'file-unreadable' });
});
