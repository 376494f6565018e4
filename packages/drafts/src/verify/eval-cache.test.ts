import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defined } from '@plimsoll/foundation';
import { expect, onTestFinished, test } from 'vitest';
import { EvalCache, type EvalSubject } from './eval-cache.ts';

const subject: EvalSubject = {
  ...{ targetSha256: 'a', draftSha256: 'b', promptsSha256: 'c' },
  settings: { draftTokens: 3, threads: 2 },
};

function parse(value: unknown): number {
  if (typeof value === 'number') return value;
  throw new TypeError('no result');
}

async function openCache(): Promise<{ readonly folder: string; readonly cache: EvalCache<number> }> {
  const folder = await mkdtemp(join(tmpdir(), 'plimsoll-evaluations-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return { folder, cache: new EvalCache(folder, parse) };
}

test('finds a result by its content, in any order of settings', async () => {
  const { cache } = await openCache();
  expect(await cache.get(subject)).toBeNull();
  await cache.put(subject, 7);
  expect(await cache.get({ ...subject, settings: { threads: 2, draftTokens: 3 } })).toBe(7);
});

test.each([
  ['target', { targetSha256: 'x' }],
  ['draft', { draftSha256: 'x' }],
  ['prompts', { promptsSha256: 'x' }],
  ['a setting', { settings: { draftTokens: 4, threads: 2 } }],
  ['a further setting', { settings: { draftTokens: 3, threads: 2, kvType: 'f16' } }],
])('another %s is another evaluation', async (_, change) => {
  const { cache } = await openCache();
  await cache.put(subject, 7);
  expect(await cache.get({ ...subject, ...change })).toBeNull();
});

test('a damaged or foreign entry counts as absent, and is written again', async () => {
  const { folder, cache } = await openCache();
  await cache.put(subject, 7);
  const path = join(folder, defined((await readdir(folder))[0], 'an entry was written'));
  const whole = await readFile(path, 'utf8');
  for (const text of [whole.slice(0, -9), whole.replace('"result": 7', '"result": 8'), 'null', '']) {
    await writeFile(path, text);
    expect(await cache.get(subject)).toBeNull();
  }
  await cache.put(subject, 9);
  expect(await cache.get(subject)).toBe(9);
  expect(await readdir(folder)).toHaveLength(1);
  const foreign = new EvalCache<number>(folder, () => {
    throw new TypeError('an older format');
  });
  expect(await foreign.get(subject)).toBeNull();
});
