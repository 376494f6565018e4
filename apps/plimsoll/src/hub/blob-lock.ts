/**
 * One process downloads a blob; other processes wait for it. The lock is a file, and its owner updates the file's time. A
 * process removes the lock of an owner that has ended. It also removes a lock that its owner has not updated for a minute,
 * because the owner can be on another machine that shares the folder.
 */

import { readFileSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { link, mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemErrorCode } from '@plimsoll/foundation/system-error';

const touchSeconds = 5;
const staleSeconds = 60;
const pollSeconds = 0.2;

export interface BlobLock {
  release(): void;
}

/** Waits for the lock. `onWait` is called once if another process holds it. */
export async function lockBlob(path: string, onWait: () => void = () => undefined): Promise<BlobLock> {
  await mkdir(dirname(path), { recursive: true });
  let hasWaited = false;
  while (!(await tryLock(path))) {
    if (removeStale(path)) continue;
    if (!hasWaited) onWait();
    hasWaited = true;
    await pause(1000 * pollSeconds);
  }
  const touching = setInterval(() => {
    utimes(path, new Date(), new Date()).catch(() => undefined);
  }, 1000 * touchSeconds);
  touching.unref();
  const release = (): void => {
    clearInterval(touching);
    process.off('exit', release);
    rmSync(path, { force: true });
  };
  // Ctrl-C ends the program without unwinding.
  process.on('exit', release);
  return { release };
}

/** Creates the file with its content in one step: an empty lock would look like the lock of no process. */
async function tryLock(path: string): Promise<boolean> {
  const own = `${path}.${process.pid}`;
  await writeFile(own, `${process.pid} ${hostname()}`);
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Removes the lock of a process that is gone. Returns true if the lock may be free now. */
function removeStale(path: string): boolean {
  const owner = ownerOf(path);
  if (owner === null) return true;
  if (!isStale(owner)) return false;
  // Only one process can rename the file; it checks that it took the lock that it judged.
  const taken = `${path}.stale.${process.pid}`;
  try {
    renameSync(path, taken);
    const isSame = readFileSync(taken, 'utf8') === owner.text;
    if (isSame) unlinkSync(taken);
    else renameSync(taken, path);
  } catch {
    // Another process was quicker.
  }
  return true;
}

interface Owner {
  readonly text: string;
  readonly silentSeconds: number;
}

function ownerOf(path: string): Owner | null {
  try {
    const text = readFileSync(path, 'utf8');
    return { text, silentSeconds: (Date.now() - statSync(path).mtimeMs) / 1000 };
  } catch {
    return null;
  }
}

function isStale({ text, silentSeconds }: Owner): boolean {
  const [processId = '', host = ''] = text.split(' ');
  if (silentSeconds > staleSeconds) return true;
  return host === hostname() && /^\d+$/.test(processId) && !isRunning(Number(processId));
}

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
