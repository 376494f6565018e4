import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { replaceFile, writeWholeFile } from './whole-file.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'plimsoll-whole-file-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

test('chunks follow each other, and replace an earlier file', async () => {
  const path = join(await folder(), 'a');
  await writeWholeFile(path, ['a longer text']);
  await writeWholeFile(path, ['one, ', Buffer.from('two')]);
  expect(await readFile(path, 'utf8')).toBe('one, two');
});

test('an error in the middle leaves the earlier file and nothing else', async () => {
  const at = await folder();
  await writeWholeFile(join(at, 'a'), ['earlier']);
  function* chunks(): Generator<string> {
    yield 'half';
    throw new Error('no second half');
  }
  await expect(writeWholeFile(join(at, 'a'), chunks())).rejects.toThrow('no second half');
  expect(await readFile(join(at, 'a'), 'utf8')).toBe('earlier');
  expect(await readdir(at)).toEqual(['a']);
});

test('a name that a folder has is refused, and the unfinished file is removed', async () => {
  const at = await folder();
  await mkdir(join(at, 'a'));
  await expect(writeWholeFile(join(at, 'a'), ['text'])).rejects.toThrow();
  expect(await readdir(at)).toEqual(['a']);
});

test.skipIf(process.platform === 'win32')('a file has the given permissions', async () => {
  const path = join(await folder(), 'a');
  expect(await replaceFile(path, (file) => file.write('x').then(() => 7), 0o600)).toBe(7);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});
