/** Lists and pages made from the registry, as readers use them: sorted, filtered, and on a phone. */
import { featuredHardware, featuredModels } from '@plimsoll/registry';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { accessibilityProblems } from './accessibility.ts';
import { launchChromium, withPage } from './chromium.ts';
import { attributeValues, readPages } from './site-files.ts';

const url = inject('siteUrl');

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

async function onPage(width: number, route: string, use: (page: Page) => Promise<void>): Promise<void> {
  await withPage(browser, { viewport: { width, height: 900 } }, async (page) => {
    await page.goto(url + route, { waitUntil: 'networkidle' });
    await use(page);
  });
}

/** The texts of one column, from the first row on. */
function column(page: Page, place: number): Promise<readonly string[]> {
  return page
    .locator(`filtered-table tbody tr > :nth-child(${place})`)
    .evaluateAll((cells) => cells.map((cell) => cell.textContent?.trim() ?? ''));
}

test('the list of models begins with well-known ones, sorts by a click, and keeps its filter', async () => {
  await onPage(1440, '/docs/models/', async (page) => {
    const featured = featuredModels().map(({ id }) => id);
    expect((await column(page, 1)).slice(0, featured.length)).toEqual(featured);
    expect(new Set(await column(page, 3)), 'dense models say so').toContain('all');
    expect(await column(page, 3)).not.toContain('');

    const head = page.locator('th', { hasText: 'Parameters' });
    const before = await head.boundingBox();
    await head.getByRole('button').click();
    expect(await head.getAttribute('aria-sort')).toBe('descending');
    const sizes = await page
      .locator('tbody td:nth-child(2)')
      .evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute('data-value') || '0')));
    expect(sizes.length).toBeGreaterThan(250);
    expect(sizes).toEqual(sizes.toSorted((left, right) => right - left));
    expect(await head.boundingBox()).toEqual(before);

    await page.keyboard.press('Enter');
    expect(await head.getAttribute('aria-sort')).toBe('ascending');
    const name = page.locator('th', { hasText: 'Model' });
    await name.getByRole('button').click();
    expect(await head.getAttribute('aria-sort')).toBeNull();
    const names = await column(page, 1);
    expect(names).toEqual(names.toSorted(new Intl.Collator('en', { numeric: true }).compare));

    await page.locator('filtered-table input').fill('qwen3 30b');
    expect(await page.locator('tbody tr:visible').count()).toBeGreaterThan(1);
    expect(await page.locator('tbody tr:visible').count()).toBeLessThan(20);
    expect(await accessibilityProblems(page)).toEqual([]);
  });
});

test('the list of devices begins with well-known ones; no class takes two lines', async () => {
  await onPage(1440, '/docs/hardware/', async (page) => {
    const featured = featuredHardware().map(({ name }) => name);
    expect((await column(page, 1)).slice(0, featured.length)).toEqual(featured);
    const heights = await page.locator('tbody td.short').evaluateAll((cells) =>
      cells.map((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getClientRects().length;
      }),
    );
    expect(Math.max(...heights)).toBe(1);
  });
});

const narrow = [
  ['/docs/hardware/', ['Device', 'Memory', 'Bandwidth']],
  ['/docs/models/', ['Model', 'Parameters', 'Context']],
  ['/docs/models/meta-llama/llama-3.1-8b-instruct/', ['Format', 'Size', 'RTX 4090', 'H100 SXM', 'MI300X']],
  ['/docs/hardware/rtx-4090/#models', ['Model', 'Format', 'Devices', 'Users at 8k', 'Users at 128k']],
] as const;

test.each(narrow)(
  'at 360 pixels %s shows the columns people want, without scrolling',
  async (route, heads) => {
    await onPage(360, route, async (page) => {
      const [, section] = route.split('#');
      const scope = section === undefined ? page.locator('main') : page.locator(`#${section}`).locator('..');
      const table = scope.locator('.table').first();
      const shown = await table.locator('thead th:visible').allInnerTexts();
      expect(shown.map((text) => text.replaceAll(/\s+/g, ' ').trim())).toEqual(heads);
      const excess = await table.evaluate((box) => box.scrollWidth - box.clientWidth);
      expect(excess).toBeLessThanOrEqual(0);
    });
  },
);

test('no page speaks of a context that its model does not reach', () => {
  const pages = readPages(inject('siteDirectory'));
  const short = pages.find(({ route }) => route === '/docs/models/eleutherai/gpt-j-6b/');
  expect(short?.html).toContain('Users at 2k');
  expect(short?.html).not.toContain('Users at 128k');
  const medium = pages.find(({ route }) => route === '/docs/models/qwen/qwen3-8b/');
  expect(medium?.html).toContain('Users at 40k');
});

test('a price says that it is rent, whose and since when', () => {
  const pages = readPages(inject('siteDirectory'));
  const page = pages.find(({ route }) => route === '/docs/hardware/h100-sxm-80gb/');
  const text = (page?.html ?? '').replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
  expect(text).toMatch(/\d+\.\d\d USD ?, rented RunPod price list[^<]*?, 20\d\d-\d\d-\d\d/);
  expect(text).not.toContain('Cost of a step');
});

test('every page has a way to the planner and to the list of all pages', () => {
  for (const { route, html } of readPages(inject('siteDirectory'))) {
    const links = new Set(attributeValues(html, 'href'));
    expect(links.has('/planner/'), `${route} to the planner`).toBe(true);
    expect(links.has('/docs/'), `${route} to all pages`).toBe(true);
  }
});
