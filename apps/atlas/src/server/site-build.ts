/**
 * Builds the site if its sources have changed. A hash of their contents decides, not their times: a fresh clone or a checkout
 * of an older branch has new times, and its build is often still valid.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { PlimsollError } from '@plimsoll/foundation';
import { BuildProgress, pagesExpected } from './build-progress.ts';

/** The sources of the site, relative to the repository's root. */
export const siteSources: readonly string[] = [
  'apps/atlas/src',
  'apps/atlas/public',
  'apps/atlas/astro.config.ts',
  'apps/atlas/package.json',
  'packages/foundation/src',
  'packages/model-files/src',
  'packages/planner/src',
  'packages/registry/src',
  'packages/registry/data',
  'packages/serving/src',
  'packages/simulator/src',
  'packages/site-files/src',
  'examples',
  'package-lock.json',
];

const siteFolder = 'apps/atlas/dist';
/** The hash of the sources. Its file lies among the built pages, so that it disappears with them. */
const stampName = '.build-stamp';

/** Lines of Astro's output that an error quotes. */
const errorLines = 40;

/** A build reports at least this often, so that a user sees that it has not stopped. */
const reportSeconds = 5;

export interface SiteBuild {
  readonly directory: string;
  /** False if the built site was up to date. */
  readonly built: boolean;
}

interface BuildOptions {
  /** Builds even if the sources are the same. */
  readonly force?: boolean;
  /** Gets one line of text for each stage of a build, and one every few seconds. */
  readonly report?: (line: string) => void;
}

export async function buildSite(
  root: string,
  { force = false, report = () => {} }: BuildOptions = {},
): Promise<SiteBuild> {
  const directory = join(root, siteFolder);
  const stamp = sourceStamp(root);
  const stampFile = join(directory, stampName);
  const isFresh =
    !force &&
    existsSync(join(directory, 'index.html')) &&
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === stamp;
  if (isFresh) return { directory, built: false };
  report('building the site, which takes two to three minutes on two idle processor cores');
  await runAstro(root, report);
  writeFileSync(stampFile, stamp);
  return { directory, built: true };
}

async function runAstro(root: string, report: (line: string) => void): Promise<void> {
  const astro = join(root, 'node_modules/astro/bin/astro.mjs');
  const child = spawn(process.execPath, [astro, 'build', '--root', join(root, 'apps/atlas')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      // A test run sets NODE_ENV to "test". React would then include its development checks, at twice the size.
      NODE_ENV: 'production',
      ASTRO_TELEMETRY_DISABLED: '1',
      NO_COLOR: '1',
      FORCE_COLOR: '0',
    },
  });
  const progress = new BuildProgress({
    pagesExpected: pagesExpected(root),
    secondsNow: () => performance.now() / 1000,
  });
  report(progress.text());
  const timer = setInterval(() => report(progress.text()), reportSeconds * 1000);
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      said.push(line);
      if (progress.read(line)) report(progress.text());
    });
  }
  const ending = await endOf(child).finally(() => clearInterval(timer));
  if (ending === 'exit code 0') return;
  throw new PlimsollError({
    code: 'site-build-failed',
    message: `the site could not be built:\n${said.join('\n').trim().split('\n').slice(-errorLines).join('\n')}`,
    value: ending,
    hint: 'mend what it names; `npm run check` lists every mistake in records and pages',
  });
}

/** `exit code 0` once the process has ended and its output is read. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve(code === null ? `signal ${signal}` : `exit code ${code}`));
  });
}

/** One hash over names and contents of all sources. Tests are not part of the site. */
export function sourceStamp(root: string): string {
  const hash = createHash('sha256');
  for (const source of siteSources) {
    const path = join(root, source);
    const files = statSync(path).isDirectory() ? filesUnder(path) : [path];
    for (const file of files.filter((name) => !/\.test\.tsx?$/.test(name))) {
      hash.update(`${relative(root, file)}\0`);
      hash.update(readFileSync(file));
    }
  }
  return hash.digest('hex');
}

function filesUnder(directory: string): readonly string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}
