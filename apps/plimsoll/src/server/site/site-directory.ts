/** Where the built site lies: next to the published program, or in a checkout after `npm run build -- site`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SiteSource } from './mounted-site.ts';

export function findSite(): SiteSource {
  // The published program is dist/program/*.js, and the site is dist/site. A checkout keeps the addresses of its sources.
  const isPublished = !import.meta.url.endsWith('.ts');
  const directory = fileURLToPath(
    new URL(isPublished ? '../site' : '../../../../atlas/dist', import.meta.url),
  );
  return existsSync(join(directory, 'index.html')) ? { directory } : 'absent';
}
