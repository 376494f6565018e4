/**
 * Keeps two servers from saving to one prefix cache file. A server writes a file next to the cache, whose name ends in its
 * process id, and then looks for the files of other processes. Of two servers that start at the same time at least one sees
 * the other and refuses to start. The file of a process that has ended without removing it (kill -9) is removed.
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import { systemErrorCode } from '@plimsoll/foundation/system-error';

/** Locks the file for this process. Returns the function that unlocks the file. */
export function lockCacheFile(path: string): () => void {
  const own = lockPath(path, process.pid);
  try {
    writeFileSync(own, statOf(process.pid)?.start ?? '');
  } catch (error) {
    throw cannotLock(path, error);
  }
  const unlock = (): void => rmSync(own, { force: true });
  for (const pid of otherPids(path)) {
    const lock = lockPath(path, pid);
    if (isRunning(pid, textOf(lock))) {
      unlock();
      throw inUse(path, pid);
    }
    rmSync(lock, { force: true });
  }
  return unlock;
}

function lockPath(path: string, pid: number): string {
  return `${path}.lock-${pid}`;
}

function otherPids(path: string): readonly number[] {
  const prefix = `${basename(path)}.lock-`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d{0,9}$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)))
    .filter((pid) => pid !== process.pid);
}

/** Returns true if the process runs that wrote `start`. Its id may belong to a later process now. */
function isRunning(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // A process of another user runs too: the system only forbids to send it a signal.
    if (systemErrorCode(error) === 'ESRCH') return false;
  }
  const now = statOf(pid);
  if (now === null) return true;
  return now.state !== zombie && (start === '' || start === now.start);
}

/** State of a process that has ended and whose parent has not read its exit code yet. */
const zombie = 'Z';

/** Returns the state of a process and its start in ticks since the boot; null on systems without /proc. */
function statOf(pid: number): { readonly state: string; readonly start: string } | null {
  const text = textOf(`/proc/${pid}/stat`);
  // The name of the program, in brackets, may contain spaces.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, start] = [fields[0], fields[19]];
  return state === undefined || start === undefined ? null : { state, start };
}

/** Returns the text of a file, or an empty text if there is none. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function inUse(path: string, pid: number): PlimsollError {
  return new PlimsollError({
    code: 'prefix-cache-in-use',
    message: `the server with process id ${pid} keeps its prefix cache in ${path}`,
    value: path,
    limit: 'one server per file',
    hint: `--prefix-cache-file with another file; if process ${pid} is no server, remove ${lockPath(path, pid)}`,
  });
}

function cannotLock(path: string, error: unknown): PlimsollError {
  return new PlimsollError(
    {
      code: 'prefix-cache-unwritable',
      message: `no file can be written next to ${path}: ${error instanceof Error ? error.message : String(error)}`,
      value: path,
      hint: '--prefix-cache-file with a file in an existing folder of your own',
    },
    { cause: error },
  );
}
