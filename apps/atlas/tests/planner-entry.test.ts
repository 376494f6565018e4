/** Entries of a reader in the planner: none is lost or misread, even if an answer is late or fails. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { readState } from '../src/islands/planner/state/state.ts';
import { launchChromium } from './chromium.ts';
import { answered, openPlanner } from './planner-page.ts';

let site: { readonly browser: Browser; readonly url: string };
beforeAll(async () => {
  site = { browser: await launchChromium(), url: inject('siteUrl') };
});
afterAll(() => site.browser.close());

test('what is typed is never dropped unseen: leaving takes the marked name, or says that there is none', async () => {
  const { page, errors } = await openPlanner(site, '');
  const device = page.getByRole('combobox', { name: 'Device', exact: true });
  await device.focus();
  await page.keyboard.type('4090');
  await page.keyboard.press('Tab');
  // The list may arrive after the field has lost the focus.
  await page.waitForFunction(() => location.search !== '');
  expect(readState(new URL(page.url()).search).state.gpu).toBe('rtx-4090');
  await device.focus();
  await page.keyboard.type('zzzzzz');
  await page.keyboard.press('Tab');
  await page.locator('.field-wrong').waitFor();
  expect(await page.locator('.field-wrong').innerText()).toBe(
    'Nothing is called “zzzzzz”. Planned with rtx-4090 until then.',
  );
  expect(await device.inputValue()).toBe('zzzzzz');
  await page.getByLabel('Context, tokens').fill('abc');
  await page.keyboard.press('Tab');
  expect(await page.locator('.field-wrong').last().innerText()).toContain('Planned with 8k until then.');
  expect(await page.getByLabel('Context, tokens').inputValue()).toBe('abc');
  expect(errors).toEqual([]);
  await page.context().close();
});

test('Enter before the list has come takes what was typed, not what was listed before', async () => {
  const { page, errors } = await openPlanner(site, '');
  const device = page.getByRole('combobox', { name: 'Device', exact: true });
  await device.click();
  await page.locator('.combobox-list:visible [role="option"]').first().waitFor();
  // One task, so that no answer arrives between the last letter and the key.
  await device.evaluate((input: HTMLInputElement) => {
    const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set;
    setValue?.call(input, 'rtx 4090');
    input.dispatchEvent(new Event('input', { bubbles: true }));
    input.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
  });
  await page.waitForFunction(() => location.search !== '');
  expect(readState(new URL(page.url()).search).state.gpu).toBe('rtx-4090');
  expect(errors).toEqual([]);
  await page.context().close();
});

test('the first letter in a field of the closed part leaves the focus there', async () => {
  const { page } = await openPlanner(site, '');
  await page.locator('.more-options summary').click();
  await page.getByLabel('Prompt, tokens').focus();
  for (const letter of '2048') {
    await page.keyboard.type(letter);
    await answered(page);
  }
  expect(await page.getByLabel('Prompt, tokens').inputValue()).toBe('2048');
  expect(readState(new URL(page.url()).search).state.prompt).toBe(2048);
  await page.context().close();
});

test('a field that is no value says what would be, and the last plan stays', async () => {
  const { page } = await openPlanner(site, '');
  const verdict = page.locator('.verdict');
  const before = await verdict.innerText();
  await page.getByLabel('Users at once').fill('many');
  await answered(page);
  expect(await page.locator('.field-wrong').innerText()).toContain('A whole number from 1');
  expect(await page.getByLabel('Users at once').getAttribute('aria-invalid')).toBe('true');
  expect(await verdict.innerText()).toBe(before);
  await page.context().close();
});

test('a link to a heading keeps what was asked, and stays in the address', async () => {
  const { page } = await openPlanner(site, 'users=40');
  await page.evaluate(() => {
    location.hash = 'planner-title';
  });
  await page.getByLabel('Users at once').fill('41');
  await answered(page);
  const { search, hash } = new URL(page.url());
  expect([search, hash]).toEqual(['?users=41', '#planner-title']);
  await page.context().close();
});

test('a planner that could not be fetched says so, and the next question fetches it again', async () => {
  const context = await site.browser.newContext();
  const page = await context.newPage();
  await page.route(/planner-worker/, (route) => route.abort());
  await page.goto(`${site.url}/planner/`);
  await page.locator('.planner[data-ready="true"]').waitFor();
  await page.getByLabel('Users at once').fill('40');
  await page.locator('.planner-note').waitFor();
  expect(await page.locator('.planner-note').innerText()).toContain('could not be started');
  await page.unroute(/planner-worker/);
  await page.getByLabel('Users at once').fill('41');
  await page.waitForFunction(() => location.search === '?users=41');
  expect(await page.locator('.planner-note').count()).toBe(0);
  await context.close();
});
