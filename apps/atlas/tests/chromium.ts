/** A real Chromium for the tests of the site: the system's own, or else the one that an npm package brings. */
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';
import {
  type ChromiumProgram,
  packagedChromium,
  packagedSystem,
  unpackChromium,
} from './chromium-package.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** Where browsers are installed on systems that do not put them on the PATH. */
const usualPlaces: Readonly<Record<string, readonly string[]>> = {
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  win32: [
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ],
};

const install = 'install Chromium or Chrome (Debian and Ubuntu: apt-get install chromium)';

interface Machine {
  readonly environment: NodeJS.ProcessEnv;
  readonly platform: string;
  readonly architecture: string;
}

const thisMachine: Machine = {
  environment: process.env,
  platform: process.platform,
  architecture: process.arch,
};

/** The program to start: the chosen one, an installed one, or the packaged one, which may have to be unpacked. */
export function findChromium({ environment, platform, architecture }: Machine): ChromiumProgram {
  const { PLIMSOLL_CHROMIUM: chosen = '', PATH: path = '' } = environment;
  const onPath = path.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const places = chosen === '' ? [...onPath, ...(usualPlaces[platform] ?? [])] : [chosen];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return { path: found, variables: {} };
  const system = `${platform}-${architecture}`;
  if (chosen === '' && system === packagedSystem) return packagedChromium(environment);
  throw new PlimsollError({
    code: 'no-chromium',
    message:
      chosen === ''
        ? `the tests of the site need a Chromium, none is installed, and npm has none for ${system}`
        : `PLIMSOLL_CHROMIUM names "${chosen}", which does not exist`,
    value: chosen === '' ? system : chosen,
    limit: `PLIMSOLL_CHROMIUM, one of ${names.join(', ')} on the PATH, or ${packagedSystem}`,
    hint: `${install} and, if it is not found, set PLIMSOLL_CHROMIUM to the path of its program`,
  });
}

/** Makes the program ready before the tests, so that none of them waits for it. */
export async function prepareChromium(report: (line: string) => void): Promise<ChromiumProgram> {
  const program = findChromium(thisMachine);
  if (!existsSync(program.path)) {
    report(`unpacking Chromium into ${dirname(program.path)}, once; this takes some ten seconds`);
    await unpackChromium(program);
  }
  return program;
}

export async function launchChromium(): Promise<Browser> {
  return startChromium(await prepareChromium(() => {}));
}

export async function startChromium({ path, variables }: ChromiumProgram): Promise<Browser> {
  try {
    return await chromium.launch({
      executablePath: path,
      // A sandbox needs rights that containers do not give; only our own pages are opened.
      args: ['--no-sandbox'],
      env: { ...process.env, ...variables },
    });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const said = /\[pid=\d+\]\[err\] (.+)/.exec(text)?.[1] ?? text.split('\n')[0];
    throw new PlimsollError(
      {
        code: 'chromium-does-not-start',
        message: `the Chromium at ${path} does not start: ${said}`,
        value: path,
        hint: `${install} and set PLIMSOLL_CHROMIUM to the path of its program`,
      },
      { cause },
    );
  }
}

/** Opens a page in a context of its own and closes both after `use`. */
export async function withPage<Result>(
  browser: Browser,
  options: BrowserContextOptions,
  use: (page: Page, context: BrowserContext) => Promise<Result>,
): Promise<Result> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  try {
    return await use(await context.newPage(), context);
  } finally {
    await context.close();
  }
}

/** Collects the errors of a page: script errors, console errors and warnings, and failed requests. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('requestfailed', (request) => {
    const reason = request.failure()?.errorText ?? '';
    // The next page can come before the icon of this one, or an island that loads late on a busy machine. Only leaving a page
    // aborts a request: files that are absent, blocked or cut off have other reasons.
    if (reason !== 'net::ERR_ABORTED') errors.push(`${request.url()} ${reason}`);
  });
  return errors;
}
