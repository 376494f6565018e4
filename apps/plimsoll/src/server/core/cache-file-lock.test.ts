import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { lockCacheFile } from './cache-file-lock.ts';

const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-lock-'));
afterAll(() => rmSync(scratch, { recursive: true }));

let count = 0;
/** A cache in a folder of its own, with the locks of these processes. */
function cacheWith(locks: Readonly<Record<number, string>>): {
  readonly path: string;
  readonly files: () => string[];
} {
  const folder = mkdtempSync(join(scratch, `${count++}-`));
  const path = join(folder, 'cache');
  for (const [pid, start] of Object.entries(locks)) writeFileSync(`${path}.lock-${pid}`, start);
  return { path, files: () => readdirSync(folder) };
}

const ownLock = `cache.lock-${process.pid}`;
/** The process of the test runner. */
const alive = process.ppid;

test('a lock is a file next to the cache until it is unlocked', () => {
  const { path, files } = cacheWith({});
  const unlock = lockCacheFile(path);
  expect(files()).toEqual([ownLock]);
  unlock();
  expect(files()).toEqual([]);
});

test('the lock of a running process refuses the file', () => {
  const { path, files } = cacheWith({ [alive]: '' });
  expect(() => lockCacheFile(path)).toThrowError(
    expect.objectContaining({
      code: 'prefix-cache-in-use',
      message: `the server with process id ${alive} keeps its prefix cache in ${path}`,
      hint: `--prefix-cache-file with another file; if process ${alive} is no server, remove ${path}.lock-${alive}`,
    }),
  );
  expect(files()).toEqual([`cache.lock-${alive}`]);
  expect(() => lockCacheFile(`${path}.other`)()).not.toThrow();
});

test('locks of ended processes are removed', () => {
  const { pid } = spawnSync(process.execPath, ['--version']);
  const { path, files } = cacheWith({ [pid]: '12345', [process.pid]: 'of an earlier process' });
  lockCacheFile(path);
  expect(files()).toEqual([ownLock]);
});

test.skipIf(!existsSync('/proc/self/stat'))(
  'a later process with the id of the locking process does not hold the lock',
  () => {
    const { path, files } = cacheWith({ [alive]: '1' });
    lockCacheFile(path);
    expect(files()).toEqual([ownLock]);
  },
);

test('a folder that does not exist is refused', () => {
  expect(() => lockCacheFile(join(scratch, 'absent', 'cache'))).toThrowError(
    expect.objectContaining({ code: 'prefix-cache-unwritable' }),
  );
});
