/** The files of the built site by the path of an address. Nothing outside the folder has such a path. */

import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { systemErrorCode } from '@plimsoll/foundation/system-error';
import { getMimeType } from 'hono/utils/mime';
import type { Validators } from './preconditions.ts';

export interface SiteFile extends Validators {
  /** The whole file: none of the site has more than a few hundred kilobytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

/** Reads the file of a path with its escapes; null if the site has no such file. A folder stands for its index.html. */
export async function readSiteFile(directory: string, path: string): Promise<SiteFile | null> {
  const segments = pathSegments(path);
  if (segments === null) return null;
  try {
    const root = await realpath(directory);
    const named = await realpath(join(root, ...segments));
    const isFolder = (await stat(named)).isDirectory();
    if (!isFolder && path.endsWith('/')) return null;
    const file = isFolder ? await realpath(join(named, 'index.html')) : named;
    // A link may lead out of the folder.
    if (!file.startsWith(root + sep)) return null;
    const [bytes, { mtimeMs }] = await Promise.all([readFile(file), stat(file)]);
    const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, hashCharacters);
    return {
      bytes,
      contentType: getMimeType(file) ?? 'application/octet-stream',
      etag: `"${hash}"`,
      // A date in the future would also match later changes of the file.
      modifiedAt: Math.floor(Math.min(mtimeMs, Date.now()) / 1000) * 1000,
    };
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
}

/** 132 bits of the hash: no two states of a file share them. */
const hashCharacters = 22;

/** Error codes of file systems for a file that does not exist. */
const absences: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP'];

function isAbsence(error: unknown): boolean {
  return absences.includes(systemErrorCode(error));
}

/** Splits a path into names; null if it cannot name a file of the site: `..`, hidden files, escaped slashes. */
function pathSegments(path: string): readonly string[] | null {
  let names: readonly string[];
  try {
    names = path.split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
  // The slash in front, and one at the end.
  const inner = names.slice(1, names.at(-1) === '' ? -1 : undefined);
  return inner.every((name) => siteName.test(name)) ? inner : null;
}

/** No separator of any system, no drive, no control character, no dot in front. */
const siteName = /^[^./\\:\p{Cc}][^/\\:\p{Cc}]*$/u;
