/** Budgets of page weight and paint time. A budget moves only in the change that needs it. */
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { launchChromium, withPage } from './chromium.ts';
import { emulatePhone } from './emulated-phone.ts';

const url = inject('siteUrl');
const KiB = 1024;

/** Route -> most JavaScript, compressed, that its page may load before a reader touches anything. */
const scriptBudgets: Readonly<Record<string, number>> = {
  '/docs/systems/routing/': 50 * KiB,
  '/docs/glossary/prefill/': 50 * KiB,
  '/docs/models/openai/gpt-oss-20b/': 50 * KiB,
  '/docs/hardware/': 50 * KiB,
  // With the island, which a reader needs at once.
  '/live/': 50 * KiB,
  '/simulate/': 50 * KiB,
};
/** The planner with everything that it fetches to answer, including the frame's own scripts. */
// Six engines with their graphs, drafters and options.
const plannerBudget = 172 * KiB;
/** The simulator with its worker, the planner and the readers of YAML and schemas in it. */
const simulatorBudget = 264 * KiB;
/** Style sheets of a page without interactive pieces, compressed. */
const styleBudget = 12 * KiB;
const largestPaintSecondsMax = 1.5;
/** On two slow cores; two idle cores of a server take half of it. Most of the time goes into graphs of llama.cpp. */
const buildSecondsMax = 300;

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

/** Compressed bytes of the scripts that a page loads while `use` runs. */
async function scriptBytes(
  route: string,
  use: (page: Awaited<ReturnType<Browser['newPage']>>) => Promise<void>,
) {
  const page = await browser.newPage();
  const sizes = new Map<string, Promise<number>>();
  page.on('response', (response) => {
    if (response.request().resourceType() !== 'script') return;
    sizes.set(
      response.url(),
      response.body().then((body) => gzipSync(body, { level: 9 }).length),
    );
  });
  try {
    await page.goto(url + route, { waitUntil: 'networkidle' });
    await use(page);
    await page.waitForLoadState('networkidle');
    const inline = await page.evaluate(() =>
      [...document.querySelectorAll('script:not([src])')]
        .map((script) => script.textContent ?? '')
        .join('\n'),
    );
    const loaded = await Promise.all(sizes.values());
    return loaded.reduce((total, size) => total + size, gzipSync(inline).length);
  } finally {
    await page.close();
  }
}

test('the whole site is built in time, when this run built it', () => {
  expect(inject('siteBuildSeconds') ?? 0).toBeLessThan(buildSecondsMax);
});

test.each(Object.entries(scriptBudgets))('%s loads little JavaScript', async (route, budget) => {
  expect(await scriptBytes(route, async () => {})).toBeLessThanOrEqual(budget);
});

/** All rules of the style sheets that a page links. */
async function stylesOf(route: string): Promise<string> {
  const page = await (await fetch(url + route)).text();
  const sheets = [...page.matchAll(/<link rel="stylesheet" href="([^"]+)"/g)].map(([, href = '']) => href);
  return (await Promise.all(sheets.map(async (href) => (await fetch(url + href)).text()))).join('\n');
}

test.each([
  ['/docs/glossary/prefill/', []],
  ['/docs/systems/memory/', []],
  ['/docs/hardware/', []],
  ['/planner/', ['.planner']],
  ['/live/', ['.live-']],
  ['/simulate/', ['.sim-']],
  ['/docs/tutorials/memory-wall/', ['.cell-frame']],
  ['/docs/tutorials/kv-cache-hidden-tax/', ['.planner', '.cell-frame', '.blocks-']],
  ['/docs/glossary/paged-attention/', ['.blocks-']],
] as const)('%s loads the styles of its own pieces alone', async (route, own) => {
  const styles = await stylesOf(route);
  const pieces = ['.planner', '.cell-frame', '.blocks-', '.live-', '.sim-', '.react-flow'];
  expect(pieces.filter((piece) => styles.includes(piece))).toEqual(own);
  expect(gzipSync(styles, { level: 9 }).length).toBeLessThanOrEqual(
    own.length === 0 ? styleBudget : 24 * KiB,
  );
});

test('the planner stays within its budget, answers included', async () => {
  const size = await scriptBytes('/planner/?model=gpt-oss-20b&gpu=rtx-4090', async (page) => {
    await page.locator('main input').first().focus();
  });
  expect(size).toBeLessThanOrEqual(plannerBudget);
});

test('the simulator stays within its budget, a run included', async () => {
  const size = await scriptBytes('/simulate/?example=single-gpu-chat', (page) =>
    page.locator('.sim[aria-busy="false"] .sim-share button').nth(4).waitFor(),
  );
  expect(size).toBeLessThanOrEqual(simulatorBudget);
});

test.for(['/', '/docs/systems/memory/', '/docs/models/openai/gpt-oss-20b/', '/planner/', '/simulate/'])(
  '%s is painted in time on a slow line and a slow processor',
  // The fastest of three loads counts: a busy machine slows a page that is quick.
  { retry: 2 },
  async (route, { skip }) => {
    await withPage(browser, { viewport: { width: 412, height: 823 } }, async (page) => {
      const slowdown = await emulatePhone(page);
      await page.goto(url + route, { waitUntil: 'networkidle' });
      const seconds = await page.evaluate(largestPaintSeconds);
      const isTooSlow = slowdown < 1 && seconds >= largestPaintSecondsMax;
      skip(isTooSlow, 'the machine is slower than the phone, so that it cannot show how fast the phone is');
      expect(seconds).toBeLessThan(largestPaintSecondsMax);
    });
  },
);

/** Runs in the page: the time of the largest paint so far. */
function largestPaintSeconds(): Promise<number> {
  return new Promise((resolve) => {
    new PerformanceObserver((list) => resolve((list.getEntries().at(-1)?.startTime ?? 0) / 1000)).observe({
      type: 'largest-contentful-paint',
      buffered: true,
    });
  });
}
