/** The derivation of a computed number: in a note next to it with JavaScript, at the foot of the page without. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { accessibilityProblems } from './accessibility.ts';
import { launchChromium, withPage } from './chromium.ts';

const url = inject('siteUrl');
const route = '/docs/systems/memory/';

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

async function onPage(options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> {
  await withPage(browser, options, async (page) => {
    await page.goto(url + route, { waitUntil: 'networkidle' });
    await use(page);
  });
}

test.each(['light', 'dark'] as const)(
  'in %s a click shows the derivation on the spot',
  async (colorScheme) => {
    await onPage({ viewport: { width: 360, height: 740 }, colorScheme }, async (page) => {
      const number = page.locator('section a.computed').nth(3);
      const note = page.locator('.number-note');
      const name = (await number.getAttribute('href')) ?? '';
      const derivation = await page.locator(`${name} dd`).innerText();
      await number.scrollIntoViewIfNeeded();
      const place = await page.evaluate(() => scrollY);
      await number.click();
      expect(await note.isVisible()).toBe(true);
      expect(await number.getAttribute('aria-expanded')).toBe('true');
      const words = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
      expect(words(await note.innerText())).toContain(words(derivation));
      expect(await page.evaluate(() => scrollY)).toBe(place);
      const box = await note.boundingBox();
      expect(box?.x ?? -1).toBeGreaterThanOrEqual(0);
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(360);
      expect(await accessibilityProblems(page)).toEqual([]);
      await number.click();
      await note.waitFor({ state: 'hidden' });
    });
  },
);

test('the note goes from number to number, and each can be asked again', async () => {
  await onPage({ viewport: { width: 1280, height: 900 } }, async (page) => {
    const numbers = page.locator('section a.computed');
    const [first, second] = [numbers.nth(3), numbers.nth(4)];
    for (const number of [first, second, first]) {
      await number.click({ force: true });
      expect(await number.getAttribute('aria-expanded')).toBe('true');
      expect(await page.locator('a.computed[aria-expanded="true"]').count()).toBe(1);
      expect(await page.locator('.number-note').isVisible()).toBe(true);
    }
    await page.keyboard.press('Escape');
    // The browser sends the event in a task of its own.
    await page.locator('a.computed[aria-expanded="true"]').waitFor({ state: 'detached' });
    await first.click();
    expect(await page.locator('.number-note').isVisible()).toBe(true);
  });
});

test('with the keyboard: opened, read, left, and back from the foot to the very place', async () => {
  await onPage({ viewport: { width: 1280, height: 900 } }, async (page) => {
    const number = page.locator('section a.computed').nth(3);
    const note = page.locator('.number-note');
    await number.focus();
    await page.keyboard.press('Space');
    expect(await note.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Escape');
    await note.waitFor({ state: 'hidden' });
    expect(await number.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#number-/);
    expect(await note.isVisible()).toBe(false);
    await page.locator(`${new URL(page.url()).hash} a.back`).click();
    const { hash } = new URL(page.url());
    expect(await number.getAttribute('id')).toBe(hash.slice(1));
  });
});

test('without JavaScript a number leads to the foot and the foot leads back', async () => {
  await onPage({ javaScriptEnabled: false }, async (page) => {
    const number = page.locator('a.computed[id]').first();
    await number.click();
    const { hash } = new URL(page.url());
    expect(hash).toMatch(/^#number-/);
    await page.locator(`${hash} a.back`).click();
    expect(new URL(page.url()).hash).toBe(`#${await number.getAttribute('id')}`);
    expect(await page.locator('.number-note').count()).toBe(0);
  });
});
