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
    /** How long the build of this run took; null when the site was up to date. */
    siteBuildSeconds: number | null;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const start = performance.now();
  const { directory, built } = await buildSite(join(import.meta.dirname, '../../..'));
  project.provide('siteBuildSeconds', built ? (performance.now() - start) / 1000 : null);
  const site = await startSite(directory, 0);
  project.provide('siteUrl', `http://127.0.0.1:${site.port}`);
  project.provide('siteDirectory', directory);
  return site.close;
}
