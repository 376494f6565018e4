/** Pieces that move: memory in blocks counts what the block pool counts, at every step; a graph opens to be moved. */

import { formatCount } from '@plimsoll/foundation';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Race, usualRace } from '../src/allocation/race.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchChromium, watchErrors } from './chromium.ts';

const url = inject('siteUrl');
let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

async function openBlocks(options: BrowserContextOptions = {}): Promise<Page> {
  const page = await browser.newPage(options);
  await page.goto(`${url}/docs/tutorials/kv-cache-hidden-tax/`);
  await page.locator('#island-blocks').scrollIntoViewIfNeeded();
  await page.locator('.blocks[data-ready="true"]').waitFor();
  return page;
}

async function shown(
  page: Page,
): Promise<{ readonly step: number; readonly counters: Record<string, string> }> {
  // One evaluation reads everything: while the race plays, two evaluations would see two steps.
  return page.evaluate(() => {
    const entries = [...document.querySelectorAll<HTMLElement>('[data-counter]')].map((element) => [
      element.dataset.counter,
      element.textContent,
    ]);
    const step = /[\d,]+/.exec(document.querySelector('.blocks-step')?.textContent ?? '')?.[0] ?? '';
    return { step: Number(step.replaceAll(',', '')), counters: Object.fromEntries(entries) };
  });
}

/** The counters of a race in Node after `steps` steps, from the scheduler and the regions. */
function counted(steps: number, seed = usualRace.seed): Record<string, string> {
  const race = new Race({ ...usualRace, seed });
  for (let step = 0; step < steps; step++) race.step();
  const { memoryTokens, blockTokens } = race.limits;
  const share = (tokens: number): string => `${((tokens / memoryTokens) * 100).toFixed(1)} %`;
  const [occupancy] = race.paged.scheduler.occupancy;
  const free = ((occupancy?.free ?? 0) + (occupancy?.cached ?? 0)) * blockTokens;
  const { scheduler, use } = race.paged;
  const contiguous = race.static.use;
  return {
    'static-running': formatCount(contiguous.running),
    'static-waiting': formatCount(contiguous.waiting),
    'static-finished': formatCount(contiguous.finished),
    'static-used': share(contiguous.usedTokens),
    'static-internal': share(contiguous.internalTokens),
    'static-external': share(contiguous.externalTokens),
    'static-free': share(contiguous.freeTokens - contiguous.externalTokens),
    'static-shared': '–',
    'static-savedTokens': '–',
    'paged-running': formatCount(scheduler.runningCount),
    'paged-waiting': formatCount(scheduler.waitingCount),
    'paged-finished': formatCount(scheduler.metrics.finished),
    'paged-used': share(use.usedTokens),
    'paged-internal': share((occupancy?.owned ?? 0) * blockTokens - use.usedTokens),
    'paged-external': share(0),
    'paged-free': share(free),
    'paged-shared': formatCount(scheduler.blocks(0).filter(({ owners }) => owners > 1).length),
    'paged-savedTokens': formatCount(scheduler.metrics.prefixHitTokens),
  };
}

test("stepped, restarted and with other requests, the counters are the block pool's", async () => {
  const page = await openBlocks();
  const errors = watchErrors(page);
  const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();
  const start = await shown(page);
  expect(start.counters).toEqual(counted(start.step));
  const reaches = async (step: number): Promise<void> => {
    await expect.poll(async () => (await shown(page)).step, { timeout: 20_000 }).toBe(step);
  };
  await press('Step');
  await reaches(start.step + 1);
  expect((await shown(page)).counters).toEqual(counted(start.step + 1));
  await press('50 steps');
  await reaches(start.step + 51);
  expect((await shown(page)).counters).toEqual(counted(start.step + 51));
  await press('Start again');
  await reaches(0);
  await press('Other requests');
  await press('50 steps');
  await reaches(50);
  expect((await shown(page)).counters).toEqual(counted(50, usualRace.seed + 1));
  expect(errors).toEqual([]);
  await page.context().close();
});

test('a paused race shows the counters of its step', async () => {
  const page = await openBlocks();
  const before = (await shown(page)).step;
  await page.getByRole('button', { name: 'Play' }).click();
  await expect.poll(async () => (await shown(page)).step, { timeout: 20_000 }).toBeGreaterThan(before + 20);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.waitForTimeout(100);
  const paused = await shown(page);
  await page.waitForTimeout(300);
  expect(await shown(page)).toEqual(paused);
  expect(paused.counters).toEqual(counted(paused.step));
  await page.context().close();
});

test('where motion is unwanted nothing plays, and steps remain', async () => {
  const page = await openBlocks({ reducedMotion: 'reduce' });
  await expect.poll(() => page.getByRole('button', { name: 'Play' }).count()).toBe(0);
  expect(await page.locator('.blocks').innerText()).toContain('Motion is off');
  const before = (await shown(page)).step;
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await expect.poll(async () => (await shown(page)).step, { timeout: 20_000 }).toBe(before + 1);
  await page.context().close();
});

test('every state of a square is in the legend', async () => {
  const page = await openBlocks();
  const drawn = await page
    .locator('.blocks-sides path')
    .evaluateAll((paths) => [...new Set(paths.map((path) => path.getAttribute('data-cell')))].sort());
  const explained = await page
    .locator('.blocks-legend path')
    .evaluateAll((paths) => paths.map((path) => path.getAttribute('data-cell')).sort());
  expect(explained).toEqual(drawn);
  await page.context().close();
});

test('a telephone shows both memories and what plays them at once, counters below', async () => {
  const page = await openBlocks({ viewport: { width: 360, height: 640 } });
  const extent = (selector: string): Promise<{ readonly top: number; readonly bottom: number }> =>
    page.locator(selector).evaluate((element) => {
      const { top, bottom } = element.getBoundingClientRect();
      return { top, bottom };
    });
  const [controls, strips, counters] = [
    await extent('.blocks-controls'),
    await extent('.blocks-sides'),
    await extent('.blocks-counters'),
  ];
  expect(strips.top).toBeGreaterThanOrEqual(controls.bottom);
  expect(counters.top).toBeGreaterThanOrEqual(strips.bottom);
  expect(strips.bottom - controls.top).toBeLessThan(640 - 64);
  const tops = await page
    .locator('.blocks-sides svg')
    .evaluateAll((grids) => grids.map((grid) => grid.getBoundingClientRect().top));
  expect(tops[0]).toBe(tops[1]);
  await page.context().close();
});

test.each([
  [1440, 'light'],
  [1440, 'dark'],
  [360, 'light'],
  [360, 'dark'],
] as const)(
  'at %i pixels in %s a graph opens with letters to read and its lines apart',
  async (width, colorScheme) => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    await page.goto(`${url}/docs/systems/memory/`);
    const figure = page.locator('#figure-memory-system-flow');
    await figure.getByRole('button', { name: 'Move and zoom' }).click();
    await figure.locator('.graph-words').first().waitFor();
    expect(await page.evaluate(() => document.activeElement?.classList.contains('react-flow'))).toBe(true);
    const letters = await figure.evaluate((element) => {
      const zoom = new DOMMatrix(
        getComputedStyle(element.querySelector('.react-flow__viewport') ?? element).transform,
      ).a;
      const texts = [...element.querySelectorAll('.react-flow__node :is(strong, small), .graph-words')];
      return Math.min(...texts.map((text) => Number.parseFloat(getComputedStyle(text).fontSize) * zoom));
    });
    expect(letters).toBeGreaterThanOrEqual(13);
    const lines = await figure.evaluate((element) => {
      const pane = element.querySelector('.graph-flow')?.getBoundingClientRect();
      const rightOf = (path: Element): number => path.getBoundingClientRect().right;
      const backs = [...element.querySelectorAll('.feedback .react-flow__edge-path')];
      const ahead = element.querySelector('.flow .react-flow__edge-path');
      const stroke = (path: Element | null | undefined): string =>
        path ? getComputedStyle(path).stroke : '';
      return {
        lanes: backs.map(rightOf),
        paneRight: pane?.right ?? 0,
        back: stroke(backs[0]),
        ahead: stroke(ahead),
        nodesRight: Math.max(...[...element.querySelectorAll('.react-flow__node')].map(rightOf)),
      };
    });
    // Two edges are feedback: each has a lane of its own, next to the boxes, inside the pane, in the color of the load line.
    const [first = 0, second = 0] = lines.lanes;
    expect(lines.lanes).toHaveLength(2);
    expect(Math.abs(first - second)).toBeGreaterThan(10);
    expect(Math.min(first, second)).toBeGreaterThan(lines.nodesRight);
    expect(Math.max(first, second)).toBeLessThan(lines.paneRight);
    expect(lines.back).not.toBe(lines.ahead);
    await page.context().close();
  },
);

test('a graph opens to be moved, with the same nodes, and axe finds nothing in it', async () => {
  // A context of its own, because axe opens a second page.
  const page = await (await browser.newContext()).newPage();
  const errors = watchErrors(page);
  await page.goto(`${url}/docs/systems/memory/`);
  const figure = page.locator('#figure-memory-system-flow');
  const still = await figure.locator('svg.graph .node').count();
  await figure.getByRole('button', { name: 'Move and zoom' }).click();
  await figure.locator('.react-flow__node').first().waitFor();
  expect(await figure.locator('.react-flow__node').count()).toBe(still);
  expect(await figure.locator('svg.graph').isVisible()).toBe(false);
  expect(await accessibilityProblems(page, '#figure-memory-system-flow')).toEqual([]);
  await page.emulateMedia({ media: 'print' });
  expect(await figure.locator('svg.graph').isVisible()).toBe(true);
  expect(errors).toEqual([]);
  await page.context().close();
});
