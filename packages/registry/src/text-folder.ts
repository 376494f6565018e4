/** Opens text files of a folder on disk, for tools. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TextFiles } from './text-files.ts';

/** Reads `directory` on demand; messages call it `root`. A missing folder has no files. */
export function openTextFolder(directory: string, root: string): TextFiles {
  const entries = existsSync(directory)
    ? readdirSync(directory, { recursive: true, withFileTypes: true })
    : [];
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(directory.length + 1)
        .replaceAll('\\', '/'),
    );
  return { root, paths: paths.sort(), read: (path) => readFileSync(join(directory, path), 'utf8') };
}
