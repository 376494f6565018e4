/** Every kind of page in a browser: no errors, no movement, nothing for axe to object to, no page wider than a phone. */
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { accessibilityProblems } from './accessibility.ts';
import { launchChromium, watchErrors, withPage } from './chromium.ts';
import { isGenerated, readPages } from './site-files.ts';

const url = inject('siteUrl');
const seed = Number(process.env.PLIMSOLL_SEED);
/** Sample size of the pages made from the registry. They share two templates; other tests read the rest as files. */
const generatedSampleSize = 8;

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

function sampledRoutes(): readonly string[] {
  const pages = readPages(inject('siteDirectory'));
  const random = seededRandom(seed);
  const generated = pages.filter(isGenerated);
  const sample = Array.from(
    { length: generatedSampleSize },
    () => generated[randomInteger(random, 0, generated.length - 1)]?.route ?? '/',
  );
  return [...new Set([...pages.filter((page) => !isGenerated(page)).map(({ route }) => route), ...sample])];
}

describe(`every kind of page (sample of generated ones by seed ${seed})`, () => {
  const routes = sampledRoutes();

  test('no error, and nothing moves', async () => {
    const problems: string[] = [];
    await withPage(browser, {}, async (page) => {
      const errors = watchErrors(page);
      await page.addInitScript(watchShifts);
      for (const route of routes) {
        await page.goto(url + route, { waitUntil: 'networkidle' });
        const moved = await page.evaluate(() => Reflect.get(globalThis, 'movedParts'));
        problems.push(...moved.map((part: string) => `${route}: ${part}`));
        problems.push(...errors.splice(0).map((error) => `${route}: ${error}`));
      }
    });
    expect(problems).toEqual([]);
  }, 300_000);

  test.each(['light', 'dark'] as const)(
    'in %s: nothing for axe to object to',
    async (theme) => {
      const problems: string[] = [];
      // The second theme differs in colors alone, so a third of the pages is enough.
      const chosen = theme === 'light' ? routes : routes.filter((_, index) => index % 3 === 0);
      await withPage(browser, { colorScheme: theme }, async (page) => {
        for (const route of chosen) {
          await page.goto(url + route);
          problems.push(...(await accessibilityProblems(page)).map((problem) => `${route}: ${problem}`));
        }
      });
      expect(problems).toEqual([]);
    },
    400_000,
  );

  test('at 360 pixels no page is wider than the screen', async () => {
    const problems: string[] = [];
    await withPage(browser, { viewport: { width: 360, height: 740 } }, async (page) => {
      for (const route of routes) {
        await page.goto(url + route);
        const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (excess > 0) problems.push(`${route}: ${excess} pixels too wide`);
      }
    });
    expect(problems).toEqual([]);
  });
});

/**
 * Runs in the page, before its own scripts. It ignores shifts within half a second of an input, because the reader causes
 * them, and small shifts while the document arrives: the columns of a table widen with its later rows.
 */
function watchShifts(): void {
  // A tenth of the sum that web.dev calls good.
  const arrivingShiftMax = 0.01;
  const movedParts: string[] = [];
  Reflect.set(globalThis, 'movedParts', movedParts);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { value, hadRecentInput, sources, startTime } = entry as PerformanceEntry & {
        value: number;
        hadRecentInput: boolean;
        sources: readonly { node: Node | null; previousRect: DOMRect; currentRect: DOMRect }[];
      };
      const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[];
      const arrivedAt = navigation?.domInteractive || Number.POSITIVE_INFINITY;
      if (hadRecentInput || (startTime < arrivedAt && value < arrivingShiftMax)) continue;
      const parts = sources.map(({ node, previousRect, currentRect }) => {
        const element = node instanceof Element ? node : node?.parentElement;
        return `${element?.outerHTML.slice(0, 80)} from ${previousRect.x},${previousRect.y} to ${currentRect.x},${currentRect.y}`;
      });
      movedParts.push(`moves by ${value} after ${Math.round(startTime)} ms: ${parts.join('; ')}`);
    }
  }).observe({ type: 'layout-shift', buffered: true });
}
