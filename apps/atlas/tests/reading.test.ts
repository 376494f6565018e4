/** The site as people read it: in both themes, with the keyboard, without JavaScript, and on paper. */
import AxeBuilder from '@axe-core/playwright';
import { randomInteger, seededRandom } from '@plimsoll/foundation/random';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
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
        const shift = await page.evaluate(() => Reflect.get(globalThis, 'layoutShift'));
        if (shift !== 0) problems.push(`${route}: moves by ${shift}`);
        problems.push(...errors.splice(0).map((error) => `${route}: ${error}`));
      }
    });
    expect(problems).toEqual([]);
  }, 300_000);

  // A test of its own: axe opens a second page, and its return resizes this page, which counts as a shift.
  test.each(['light', 'dark'] as const)(
    'in %s: nothing for axe to object to',
    async (theme) => {
      const problems: string[] = [];
      // The second theme differs in colors alone, so a third of the pages is enough.
      const chosen = theme === 'light' ? routes : routes.filter((_, index) => index % 3 === 0);
      await withPage(browser, { colorScheme: theme }, async (page) => {
        for (const route of chosen) {
          await page.goto(url + route);
          const { violations } = await new AxeBuilder({ page }).analyze();
          for (const { id, nodes } of violations) {
            problems.push(`${route}: ${id}: ${nodes[0]?.html.slice(0, 160)} (${nodes.length})`);
          }
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

/** Runs in the page, before its own scripts. It ignores shifts within half a second of an input: the reader causes them. */
function watchShifts(): void {
  Reflect.set(globalThis, 'layoutShift', 0);
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { value, hadRecentInput } = entry as PerformanceEntry & {
        value: number;
        hadRecentInput: boolean;
      };
      if (!hadRecentInput)
        Reflect.set(globalThis, 'layoutShift', Reflect.get(globalThis, 'layoutShift') + value);
    }
  }).observe({ type: 'layout-shift', buffered: true });
}

test('from the start to an answer with the keyboard alone', async () => {
  await withPage(browser, {}, async (page) => {
    await page.goto(url);
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe('Skip to content');
    await page.keyboard.press('/');
    await page.keyboard.type('h100 sxm');
    await page.locator('[role=option]').first().waitFor();
    expect(await page.locator('[role=option] strong').first().textContent()).toContain('H100 SXM');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowUp');
    expect(await page.locator('[role=combobox]').first().getAttribute('aria-activedescendant')).toBe(
      'search-result-0',
    );
    await page.keyboard.press('Enter');
    await page.waitForURL('**/docs/hardware/h100-sxm-80gb/');
    const row = page.locator('#models ~ .table tr', { hasText: 'Llama-3.1-8B-Instruct' });
    expect(Number((await row.locator('td').nth(2).textContent())?.replaceAll(',', ''))).toBeGreaterThan(10);
  });
});

test('the words that lead to the memory page find it first, each within ten milliseconds', async () => {
  const queries = ['memory', 'serving memory', 'weight residency', 'KV cache growth', 'memory bandwidth'];
  await withPage(browser, {}, async (page) => {
    await page.goto(`${url}/docs/`);
    const field = page.locator('site-search input');
    await field.focus();
    for (const query of queries) {
      await field.fill(query);
      await page.locator('[role=option]').first().waitFor();
      expect(await page.locator('[role=option] strong').first().textContent(), query).toBe('Memory');
    }
    const usual = await page.evaluate(async (words) => {
      const input = document.querySelector<HTMLInputElement>('site-search input');
      const times = [];
      for (const word of words) {
        if (input !== null) input.value = word;
        const start = performance.now();
        input?.dispatchEvent(new Event('input', { bubbles: true }));
        // The index has loaded, so the answer comes in the next microtasks, before any timer.
        for (let turn = 0; turn < 50; turn++) await null;
        times.push(performance.now() - start);
      }
      return times.sort((left, right) => left - right)[Math.floor(words.length / 2)] ?? 0;
    }, queries);
    expect(usual).toBeLessThan(10);
  });
});

test('all results are seen at once in a window of usual height, the planner as one of them', async () => {
  await withPage(browser, {}, async (page) => {
    await page.goto(`${url}/docs/`);
    const field = page.locator('site-search input');
    await field.fill('llama');
    await page.locator('[role=option]').nth(7).waitFor();
    const hidden = await page.locator('site-search .results').evaluate((box) => {
      const { bottom } = box.getBoundingClientRect();
      return Math.max(box.scrollHeight - box.clientHeight, bottom - innerHeight);
    });
    expect(hidden).toBeLessThanOrEqual(0);
    await field.fill('vram calculator');
    await page.locator('[role=option]', { hasText: 'Planner' }).waitFor();
    await field.press('Enter');
    await page.waitForURL('**/planner/');
  });
});

describe('the memory page', () => {
  const route = '/docs/systems/memory/';

  test('reads without JavaScript, in the theme of the system', async () => {
    for (const [colorScheme, isLight] of [
      ['light', true],
      ['dark', false],
    ] as const) {
      await withPage(browser, { javaScriptEnabled: false, colorScheme }, async (page) => {
        await page.goto(url + route);
        expect(await page.locator('h1').textContent()).toBe('Memory');
        expect(await page.locator('main h2:visible').count()).toBeGreaterThan(6);
        expect(await page.locator('main table:visible').count()).toBeGreaterThan(0);
        expect(await page.locator('svg.graph:visible').count()).toBeGreaterThan(0);
        expect(await page.locator('main .in-short p:visible').count()).toBeGreaterThan(0);
        expect(await page.locator('site-search:visible').count()).toBe(0);
        const background = await page
          .locator('body')
          .evaluate((body) => getComputedStyle(body).backgroundColor);
        const [red = 0] = background.match(/\d+/g)?.map(Number) ?? [];
        expect(red > 128).toBe(isLight);
      });
    }
  });

  test('prints: black on white, graphs upright, folded parts open, nothing of the frame', async () => {
    await withPage(browser, { colorScheme: 'dark' }, async (page) => {
      await page.goto(url + route, { waitUntil: 'networkidle' });
      await page.emulateMedia({ media: 'print' });
      expect(await page.locator('body').evaluate((body) => getComputedStyle(body).backgroundColor)).toBe(
        'rgb(255, 255, 255)',
      );
      for (const hidden of ['nav.sidebar', 'site-search', '.right-sidebar-container', '.site-foot']) {
        expect(await page.locator(`${hidden}:visible`).count(), hidden).toBe(0);
      }
      const box = await page.locator('svg.graph:visible').first().boundingBox();
      expect(box?.height ?? 0).toBeGreaterThan(box?.width ?? 0);
      expect((await page.pdf()).length).toBeGreaterThan(20_000);
    });
  });
});
