/** The site counts as changed if the contents or names of its sources changed, and in no other case. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { siteSources, sourceStamp } from './site-build.ts';

const root = mkdtempSync(join(tmpdir(), 'plimsoll-site-'));
afterAll(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => {
  for (const source of siteSources) {
    write(/\.\w+$/.test(source) ? source : `${source}/file.ts`, source);
  }
});

test('contents and names change the stamp; times, tests and other files do not', () => {
  const before = sourceStamp(root);
  const file = 'packages/planner/src/file.ts';
  utimesSync(join(root, file), 0, 0);
  write('packages/planner/src/file.test.ts', 'a test');
  write('packages/engine/src/file.ts', 'not part of the site');
  expect(sourceStamp(root)).toBe(before);
  write(file, 'another text');
  expect(sourceStamp(root)).not.toBe(before);
  write(file, 'packages/planner/src');
  expect(sourceStamp(root)).toBe(before);
  cpSync(join(root, file), join(root, 'packages/planner/src/copy.ts'));
  expect(sourceStamp(root)).not.toBe(before);
});

test('the stamp is of the sources, however their folder is written', () => {
  expect(sourceStamp(`${root}/`)).toBe(sourceStamp(root));
});
