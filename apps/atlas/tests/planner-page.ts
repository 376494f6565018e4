/** The planner's page as its tests open it. */
import type { Browser, Page } from 'playwright-core';
import { watchErrors } from './chromium.ts';

/** Opens the planner at a state and waits until it has answered. */
export async function openPlanner(
  { browser, url }: { readonly browser: Browser; readonly url: string },
  query: string,
): Promise<{ readonly page: Page; readonly errors: readonly string[] }> {
  // A context of its own, because axe opens a second page.
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const errors = watchErrors(page);
  await page.goto(`${url}/planner/${query === '' ? '' : `?${query}`}`);
  await page.locator('.planner[data-ready="true"]').waitFor();
  await answered(page);
  return { page, errors };
}

export async function answered(page: Page): Promise<void> {
  // The page sends a change to the planner in the next task at the earliest.
  await page.waitForTimeout(50);
  await page.locator('.planner[aria-busy="false"]').waitFor();
}
