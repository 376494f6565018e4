/** Runs once before the tests of the site: builds it if its sources changed and serves it on a free port. */
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildSite } from '../src/server/site-build.ts';
import { startSite } from '../src/server/site-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Address of the served site, without a slash at its end. */
    siteUrl: string;
    /** Folder of the built files. */
    siteDirectory: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { directory } = await buildSite(join(import.meta.dirname, '../../..'));
  const site = await startSite(directory, 0);
  project.provide('siteUrl', `http://127.0.0.1:${site.port}`);
  project.provide('siteDirectory', directory);
  return site.close;
}
