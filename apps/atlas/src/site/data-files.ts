/** Copies the registry's files to /data. The page's planner and search read them there. */
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
