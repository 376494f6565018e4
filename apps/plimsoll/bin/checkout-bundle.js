// Finds the bundle that tools/build-checkout.ts made of a checkout's sources, if the sources did not change since. Plain
// JavaScript without packages, because the launcher imports this file before it knows which Node runs it.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Returns the path of the bundle's main file, or null if there is no bundle or a source file differs from it. */
export function freshBundle() {
  const folder = fileURLToPath(new URL('../.cache/program', import.meta.url));
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  try {
    const made = JSON.parse(readFileSync(join(folder, 'sources.json'), 'utf8'));
    // A copy of the folder holds a bundle with the addresses of the original.
    if (made.root !== root) return null;
    for (const [path, size, mtimeMs] of made.files) {
      const now = statSync(join(root, path));
      if (now.size !== size || now.mtimeMs !== mtimeMs) return null;
    }
    return join(folder, 'main.js');
  } catch {
    return null;
  }
}
