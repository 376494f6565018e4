/** The site as people read it: with the keyboard, by search, without JavaScript, and on paper. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { launchChromium, withPage } from './chromium.ts';

const url = inject('siteUrl');

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

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
    const slowest = await page.evaluate(async (words) => {
      const input = document.querySelector<HTMLInputElement>('site-search input');
      const leastOf = new Map(words.map((word) => [word, Infinity]));
      // Another process can hold the processor while a word is looked for, so the least time of several rounds counts.
      for (let round = 0; round < 20; round++) {
        for (const [word, least] of leastOf) {
          if (input !== null) input.value = word;
          const start = performance.now();
          input?.dispatchEvent(new Event('input', { bubbles: true }));
          // The index has loaded, so the answer comes in the next microtasks, before any timer.
          for (let turn = 0; turn < 50; turn++) await null;
          leastOf.set(word, Math.min(least, performance.now() - start));
        }
      }
      return Math.max(...leastOf.values());
    }, queries);
    expect(slowest).toBeLessThan(10);
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
