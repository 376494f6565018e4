/** A real Chromium for the tests of the site. None is downloaded: the system's own is used, and its lack is said. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PlimsollError } from '@plimsoll/foundation';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

function chromiumPath(environment: NodeJS.ProcessEnv = process.env): string {
  const { PLIMSOLL_CHROMIUM: chosen, PATH: path = '' } = environment;
  const places = path.split(delimiter).flatMap((folder) => names.map((name) => join(folder, name)));
  const found = (chosen === undefined || chosen === '' ? places : [chosen]).find((place) =>
    existsSync(place),
  );
  if (found !== undefined) return found;
  throw new PlimsollError({
    code: 'no-chromium',
    message: 'the tests of the site need a Chromium, and there is none',
    value: chosen ?? path,
    limit: `PLIMSOLL_CHROMIUM, or one of ${names.join(', ')} on the PATH`,
    hint: 'install it (Debian and Ubuntu: apt-get install chromium) or set PLIMSOLL_CHROMIUM to its path',
  });
}

export function launchChromium(): Promise<Browser> {
  // A sandbox needs rights that containers do not give; only our own pages are opened.
  return chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] });
}

/** A page in a context of its own, which ends with its use. */
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

/** What a page said that it should not have: errors of scripts, of the console, and requests that failed. */
export function watchErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
  });
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('requestfailed', (request) =>
    errors.push(`${request.url()} ${request.failure()?.errorText ?? ''}`),
  );
  return errors;
}
