/** Runs once before the tests of the site: makes a Chromium ready, builds the site if its sources changed, and serves it. */
import { join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import type { TestProject } from 'vitest/node';
import { buildSite } from '../src/server/site-build.ts';
import { startSite } from '../src/server/site-server.ts';
import { prepareChromium } from './chromium.ts';

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
  await prepareChromium(tell).catch((error: unknown) => {
    // Each test that needs the browser fails with this error; those of other projects run.
    if (!(error instanceof PlimsollError)) throw error;
  });
  const start = performance.now();
  const { directory, built } = await buildSite(join(import.meta.dirname, '../../..'), { report: tell });
  project.provide('siteBuildSeconds', built ? (performance.now() - start) / 1000 : null);
  const site = await startSite(directory, 0);
  project.provide('siteUrl', `http://127.0.0.1:${site.port}`);
  project.provide('siteDirectory', directory);
  return site.close;
}

function tell(line: string): void {
  process.stdout.write(`${line}\n`);
}
