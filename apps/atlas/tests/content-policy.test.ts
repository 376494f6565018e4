/** The Content-Security-Policy in a real browser: nothing of the site breaks it, and what is not of the site is stopped. */
import { createServer, type Server } from 'node:http';
import { readSiteFile } from '@plimsoll/site-files';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { launchChromium, watchErrors, withPage } from './chromium.ts';
import { readPages } from './site-files.ts';

const url = inject('siteUrl');
const directory = inject('siteDirectory');

let browser: Browser;
/** A plain file server, which sends none of our headers. */
let plain: Server;
let plainUrl: string;
beforeAll(async () => {
  browser = await launchChromium();
  plain = createServer(async ({ url: path = '/' }, answer) => {
    const file = await readSiteFile(directory, path.replace(/\?.*/, ''));
    answer.writeHead(file === null ? 404 : 200, { 'Content-Type': file?.contentType ?? 'text/plain' });
    answer.end(file?.bytes);
  });
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  const address = plain.address();
  plainUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
});
afterAll(async () => {
  await browser.close();
  plain.close();
});

test('every page carries a strict policy, near its start, and the server sends the same', async () => {
  const problems: string[] = [];
  for (const { route, html } of readPages(directory)) {
    const policy = /<meta http-equiv="Content-Security-Policy" content="([^"]*)"\/>/.exec(html)?.[1] ?? '';
    const firstScript = html.search(/<(?:script|style)\b/);
    if (!policy.startsWith("default-src 'self'; ")) problems.push(`${route}: no policy`);
    // The live page connects to the server that its reader names.
    const connects = route === '/live/' ? " connect-src 'self' http: https:;" : '';
    if (!policy.includes(connects)) problems.push(`${route}: connects nowhere`);
    const rest = policy.replace(connects, '');
    if (/unsafe-inline|unsafe-eval|\*|https?:/.test(rest)) problems.push(`${route}: ${policy}`);
    if (html.indexOf('http-equiv="Content-Security-Policy"') > firstScript)
      problems.push(`${route}: too late`);
    if (html.indexOf('<meta charset="utf-8"/>') > 900) problems.push(`${route}: character set too late`);
  }
  expect(problems).toEqual([]);
  const { headers } = await fetch(`${url}/planner/`);
  const page = readPages(directory).find(({ route }) => route === '/planner/')?.html ?? '';
  const [policy = '', frames] = (headers.get('content-security-policy') ?? '').split('; frame-ancestors ');
  expect(page).toContain(`content="${policy}"`);
  expect(frames).toBe("'none'");
});

/** Route -> actions that load its interactive pieces. */
const uses: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  '/': async (page) => {
    await page.locator('site-search input').fill('llama');
    await page.locator('[role=option]').first().waitFor();
  },
  '/planner/?model=gpt-oss-20b&gpu=rtx-4090': async (page) => {
    await page.locator('main input').first().focus();
    await page.locator('.planner[data-ready="true"][aria-busy="false"]').waitFor();
  },
  '/simulate/?example=single-gpu-chat': async (page) => {
    await page.locator('.sim[aria-busy="false"]').getByText('Save timeline').waitFor();
  },
  '/docs/systems/memory/': async (page) => {
    await page.getByRole('button', { name: 'Move and zoom' }).first().click();
    await page.locator('.react-flow__node').first().waitFor();
  },
  '/docs/tutorials/kv-cache-hidden-tax/': async (page) => {
    for (const piece of ['.cell', '.blocks', '.planner']) {
      await page.locator(piece).first().scrollIntoViewIfNeeded();
    }
    await page.locator('.cell[data-ready="true"]').first().waitFor();
    await page.locator('.blocks[data-ready="true"]').waitFor();
    await page.getByRole('button', { name: '50 steps' }).click();
  },
  '/docs/models/openai/gpt-oss-20b/': async () => {},
  '/docs/hardware/': async () => {},
  '/docs/glossary/kv-cache/': async () => {},
  '/404.html': async () => {},
};

test.each(Object.entries(uses))('%s breaks no policy, with our headers and without', async (route, use) => {
  for (const origin of [url, plainUrl]) {
    await withPage(browser, {}, async (page) => {
      const errors = watchErrors(page);
      await page.addInitScript(recordViolations);
      await page.goto(origin + route, { waitUntil: 'networkidle' });
      await use(page);
      await page.waitForLoadState('networkidle');
      const violations = await page.evaluate(() => Reflect.get(globalThis, 'violations'));
      expect([origin, violations, errors]).toEqual([origin, [], []]);
    });
  }
});

test('what is not of the site does not run, is not fetched, and shows the site in no frame', async () => {
  for (const origin of [url, plainUrl]) {
    await withPage(browser, {}, async (page) => {
      await page.addInitScript(recordViolations);
      await page.goto(`${origin}/docs/hardware/`, { waitUntil: 'networkidle' });
      await page.evaluate(
        async (foreign) => {
          const script = document.createElement('script');
          script.textContent = 'globalThis.injected = true';
          document.body.append(script);
          document.body.insertAdjacentHTML('beforeend', '<p id="styled" style="position:fixed">…</p>');
          const timer = Reflect.get(globalThis, 'setTimeout');
          timer('globalThis.injected = true', 0);
          await fetch(`${foreign}/data/index.json`).catch(() => null);
          const frame = document.createElement('iframe');
          frame.src = `${foreign}/`;
          document.body.append(frame);
          await new Promise((resolve) => setTimeout(resolve, 200));
        },
        origin === url ? plainUrl : url,
      );
      expect(await page.evaluate(() => Reflect.get(globalThis, 'injected'))).toBeUndefined();
      expect(await page.locator('#styled').evaluate((element) => getComputedStyle(element).position)).toBe(
        'static',
      );
      const directives = (await page.evaluate(() =>
        Reflect.get(globalThis, 'violations'),
      )) as readonly string[];
      const broken = new Set(directives.map((violation) => violation.split(' ')[0]));
      expect([...broken].sort()).toEqual([
        'connect-src',
        'frame-src',
        'script-src',
        'script-src-elem',
        'style-src-attr',
      ]);
    });
  }
});

/** Runs in the page, before its own scripts. */
function recordViolations(): void {
  const violations: string[] = [];
  Reflect.set(globalThis, 'violations', violations);
  document.addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) =>
    violations.push(`${effectiveDirective} ${blockedURI} ${sample}`),
  );
}
