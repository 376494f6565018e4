/** A folder on disk as the text files that readers of records take. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TextFiles } from '@plimsoll/registry/pages';

/** `root` is what problems call the folder: its path from the root of the repository. */
export function readTextFolder(directory: string, root: string): TextFiles {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(directory.length + 1)
        .replaceAll('\\', '/'),
    );
  return { root, paths: paths.sort(), read: (path) => readFileSync(join(directory, path), 'utf8') };
}
