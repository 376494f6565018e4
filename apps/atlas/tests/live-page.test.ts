/** The live page in a real browser, with a real server under load. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { accessibilityProblems } from './accessibility.ts';
import { launchChromium, watchErrors, withPage } from './chromium.ts';
import { type ServedModel, serveModel } from './served-model.ts';

const siteUrl = inject('siteUrl');
const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-live-'));
const waitingMax = 12;
const flags = ['--waiting-max', String(waitingMax), '--cors-origin', siteUrl];

let browser: Browser;
let served: ServedModel;
beforeAll(async () => {
  [browser, served] = await Promise.all([launchChromium(), serveModel(0, flags)]);
});
afterAll(async () => {
  served.child.kill('SIGKILL');
  rmSync(scratch, { recursive: true });
  await browser.close();
});

/** A server on a busy machine takes its time. */
const eventually = <Value>(read: () => Promise<Value>) => expect.poll(read, { timeout: 30_000 });

const live = (page: Page) => page.locator('.live[data-phase="live"]');
const owned = (page: Page) => page.locator('.live-blocks path[data-cell^="owner-"]');

async function openLive(page: Page): Promise<void> {
  await page.goto(`${served.url}/live/`);
  await live(page).waitFor();
}

async function sendLoad(page: Page, load: Readonly<Record<string, number>>): Promise<void> {
  for (const [label, value] of Object.entries(load)) {
    await page.getByLabel(label, { exact: true }).fill(String(value));
  }
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

describe('on the server itself', () => {
  test('connects by itself, and shows the ledger; nothing moves, and axe objects to nothing', async () => {
    await withPage(browser, {}, async (page) => {
      const errors = watchErrors(page);
      await page.addInitScript(() => {
        Reflect.set(globalThis, 'shift', 0);
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) {
            const { value } = entry as PerformanceEntry & { value: number };
            Reflect.set(globalThis, 'shift', Reflect.get(globalThis, 'shift') + value);
          }
        }).observe({ type: 'layout-shift', buffered: true });
      });
      await openLive(page);
      const table = page.locator('.live-comparison');
      await eventually(() => table.innerText()).toMatch(/KV cache\s+[\d.]+ MiB\s+[\d.]+ MiB\s+0\.0 %/);
      expect(await page.getByRole('img', { name: /^The process may take 0\.68 GiB/ }).count()).toBe(1);
      expect(await page.getByRole('img', { name: /^\d+ blocks: 0 in use/ }).count()).toBe(1);
      expect(await accessibilityProblems(page)).toEqual([]);
      expect(await page.evaluate(() => Reflect.get(globalThis, 'shift'))).toBeLessThan(0.01);
      expect(errors).toEqual([]);
    });
  });

  test('under load blocks get owners, prompts share blocks, and all become free or kept', {
    timeout: 240_000,
  }, async () => {
    await withPage(browser, { viewport: { width: 360, height: 740 } }, async (page) => {
      await openLive(page);
      // Long enough for a fast machine to show the load before it ends.
      await sendLoad(page, {
        Requests: waitingMax,
        'Prompt tokens': 96,
        'Tokens in common': 64,
        'Output tokens': 850,
      });
      await owned(page).first().waitFor();
      await page.locator('.live-blocks path[data-cell="shared"]').waitFor();
      await eventually(() => page.locator('.live-requests tbody tr').count()).toBeGreaterThan(4);
      const mark = page.getByRole('button', { name: /^Mark the blocks of request/ }).first();
      await mark.focus();
      await page.keyboard.press('Enter');
      await page.locator('.live-blocks path[data-cell="marked"]').waitFor({ state: 'attached' });
      expect(await accessibilityProblems(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
      await page.locator('.live-progress[data-progress="done"]').waitFor({ timeout: 90_000 });
      await eventually(() => owned(page).count()).toBe(0);
      await page.locator('.live-blocks path[data-cell="cached"]').waitFor();
      await expect
        .poll(() => page.locator('.live-histogram').first().innerText())
        .toMatch(/\d+ values, mean/);
      await expect
        .poll(() => page.locator('.live-comparison').innerText())
        .toMatch(/first token, mean of \d/);
    });
  });

  test('the load stays within the queue and the context, and stops', async () => {
    await withPage(browser, {}, async (page) => {
      await openLive(page);
      const send = page.getByRole('button', { name: 'Send', exact: true });
      await eventually(() => send.isDisabled()).toBe(false);
      for (const [label, value] of [
        ['Requests', waitingMax + 1],
        ['Output tokens', 1000],
        ['Prompt tokens', 0],
      ] as const) {
        const field = page.getByLabel(label, { exact: true });
        const usual = await field.inputValue();
        expect(await send.isDisabled()).toBe(false);
        await field.fill(String(value));
        await eventually(() => send.isDisabled()).toBe(true);
        expect(await field.getAttribute('aria-invalid')).toBe('true');
        await field.fill(usual);
        await eventually(() => send.isDisabled()).toBe(false);
      }
      await sendLoad(page, { Requests: waitingMax, 'Output tokens': 800 });
      await owned(page).first().waitFor();
      await page.getByRole('button', { name: 'Stop all' }).click();
      await page.locator('.live-progress[data-progress="stopped"]').waitFor();
      await eventually(() => owned(page).count()).toBe(0);
      await eventually(() => page.locator('.live-requests').innerText()).toContain('No request');
    });
  });

  test('the chat answers, and stops', async () => {
    await withPage(browser, {}, async (page) => {
      await openLive(page);
      const field = page.getByLabel('Message', { exact: true });
      await field.fill('Hello');
      await page.keyboard.press('Enter');
      const answer = page.locator('.live-message[data-role="assistant"]').first();
      await eventually(() => answer.locator('p:not([aria-hidden])').count()).toBe(1);
      const stop = page.getByRole('button', { name: 'Stop', exact: true });
      if (await stop.isVisible()) await stop.click().catch(() => undefined);
      // A whole answer of random tokens and the next question can be longer than the context.
      await page.getByRole('button', { name: 'Clear', exact: true }).click();
      await field.fill('Again');
      await page.getByRole('button', { name: 'Ask' }).click();
      await eventually(() => page.locator('.live-message').count()).toBe(2);
      expect(await page.locator('.live-problem').count()).toBe(0);
    });
  });

  test('a killed server is told, and its successor is found', async () => {
    await withPage(browser, {}, async (page) => {
      await openLive(page);
      const { port } = new URL(served.url);
      served.child.kill('SIGKILL');
      await page.locator('.live[data-phase="lost"]').waitFor();
      expect(await page.getByRole('button', { name: 'Send', exact: true }).isDisabled()).toBe(true);
      served = await serveModel(Number(port), flags);
      await live(page).waitFor();
      await sendLoad(page, { Requests: 2 });
      await page.locator('.live-progress[data-progress="done"]').waitFor();
    });
  });
});

test('a copy of the site elsewhere connects to the typed address, which allows its origin', async () => {
  await withPage(browser, {}, async (page) => {
    const errors = watchErrors(page);
    await page.goto(`${siteUrl}/live/`);
    await page.locator('.live[data-ready="true"]').waitFor();
    expect(await page.locator('.live-phase').innerText()).toContain('Not connected');
    await page.locator('.live-hint summary').click();
    expect(await page.locator('.live-hint').innerText()).toContain(`--cors-origin ${siteUrl}`);
    await page.getByLabel('Server').fill('not an address');
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    expect(await page.locator('.live-phase').innerText()).toContain('Not an address');
    await page.getByLabel('Server').fill(new URL(served.url).host);
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    await live(page).waitFor();
    await eventually(() => page.locator('.live-facts').innerText()).toContain('f16.gguf');
    expect(errors).toEqual([]);
  });
});

test('a server with keys: the page asks for a key and stores it nowhere', async () => {
  const keys = join(scratch, 'keys.txt');
  writeFileSync(keys, 'secret-key-1\n');
  const locked = await serveModel(0, ['--api-key-file', keys]);
  try {
    await withPage(browser, {}, async (page, context) => {
      await page.goto(`${locked.url}/live/`);
      await page.locator('.live[data-phase="key"]').waitFor();
      const key = page.getByLabel('API key');
      await key.fill('another-key');
      await page.keyboard.press('Enter');
      await eventually(() => page.locator('.live-phase').innerText()).toContain('does not know');
      await key.fill('secret-key-1');
      await page.keyboard.press('Enter');
      await live(page).waitFor();
      const { origins, cookies } = await context.storageState();
      expect(JSON.stringify({ origins, cookies })).not.toContain('secret-key-1');
      await sendLoad(page, { Requests: 2 });
      await page.locator('.live-progress[data-progress="done"]').waitFor();
    });
  } finally {
    locked.child.kill('SIGKILL');
  }
});

test('without JavaScript the page tells what it shows', async () => {
  await withPage(browser, { javaScriptEnabled: false }, async (page) => {
    await page.goto(`${siteUrl}/live/`);
    expect(await page.locator('main').innerText()).toMatch(/connects to a running server.*\/metrics/s);
  });
});
