/** Puts the registry's files under /data, as they are: what the page's planner and search read, open to anybody. */
import { cpSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dataDirectory } from '@plimsoll/registry/authoring';
import type { AstroIntegration } from 'astro';

export const dataFiles: AstroIntegration = {
  name: 'plimsoll:data-files',
  hooks: {
    'astro:build:done': ({ dir }) =>
      cpSync(dataDirectory, fileURLToPath(new URL('data', dir)), { recursive: true }),
  },
};
