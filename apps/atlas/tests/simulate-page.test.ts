/** The page of simulations in a real browser: the tasks of its readers, and the bytes of the command line. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { accessibilityProblems } from './accessibility.ts';
import { launchChromium, watchErrors, withPage } from './chromium.ts';

const url = `${inject('siteUrl')}/simulate/`;
const program = join(import.meta.dirname, '../../plimsoll/bin/plimsoll.js');
const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-simulate-'));

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(async () => {
  rmSync(scratch, { recursive: true });
  await browser.close();
});

/** Small, so that a run takes a moment. */
const chat = `model: meta-llama/Llama-3.1-8B-Instruct
hardware: h100
engine: vllm
workload:
  arrivals: { poisson: { rate: 12 } }
  requests: 300
  prompt: { lognormal: { median: 900, sigma: 0.8, max: 8000 } }
  output: { lognormal: { median: 60, sigma: 0.7, max: 400 } }
  seed: 7
slo: { ttft-p99: 500ms, itl-p99: 30ms }
`;

/** Another engine, sessions with tools, limits, a prefix, two replicas. */
const agents = `model: gpt-oss-20b
hardware: l40s
count: 2
router: prefix-aware
limits: { maxSeqs: 24, batchedTokens: 4096 }
workload:
  arrivals: { closed: { clients: 12, think: { exponential: { mean: 4s } } } }
  requests: 200
  prompt: { uniform: { min: 500, max: 3000 } }
  output: { exponential: { mean: 80 } }
  prefix: { tokens: 256, groups: 3 }
  session:
    turns: { uniform: { min: 1, max: 4 } }
    prompt: 50
    think: 2s
    tools: { calls: 2, result: 300, wait: 1s }
    contextMax: 6000
`;

const sim = (page: Page) => page.locator('.sim[data-ready="true"]');
const idle = (page: Page) => page.locator('.sim[data-ready="true"][aria-busy="false"]');
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

async function open(page: Page, query = ''): Promise<void> {
  await page.goto(url + query);
  await sim(page).waitFor();
}

async function write(page: Page, text: string): Promise<void> {
  await page.getByText('The scenario as YAML', { exact: true }).click();
  await page.getByLabel('Edit the text').fill(text);
}

async function run(page: Page, name = 'Run'): Promise<void> {
  await button(page, name).click();
  await button(page, 'Save timeline (SVG)').waitFor({ timeout: 60_000 });
  await idle(page).waitFor();
}

const reportOf = (page: Page): Promise<string> =>
  page
    .locator('.sim-report pre')
    .textContent()
    .then((text) => text ?? '');

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');

test.each([
  ['a chat service', chat],
  ['agents on two replicas', agents],
])('%s: equal bytes in Chromium and from plimsoll simulate --json', async (name, text) => {
  const path = join(scratch, `${name.replaceAll(' ', '-')}.yaml`);
  writeFileSync(path, text);
  const own = execFileSync(process.execPath, [program, 'simulate', path, '--json'], { encoding: 'utf8' });
  await withPage(browser, {}, async (page) => {
    const errors = watchErrors(page);
    await open(page);
    await write(page, text);
    await run(page);
    const report = await reportOf(page);
    expect(JSON.parse(report)).toEqual(JSON.parse(own));
    expect(hash(report)).toBe(hash(own));
    expect(errors).toEqual([]);
  });
});

test('a reader changes the rate, runs, compares, draws the curve, and shares the link', async () => {
  await withPage(browser, {}, async (page, context) => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const errors = watchErrors(page);
    await open(page);
    await write(page, chat);
    await page.getByLabel('Rate, per second').fill('20');
    await expect.poll(() => page.getByLabel('Edit the text').inputValue()).toContain('rate: 20');
    await run(page);
    expect(await page.locator('.sim-sentence').textContent()).toMatch(/300 requests completed/);
    await button(page, 'Compare with a second scenario').click();
    await page.getByLabel('Most, tokens').nth(1).fill('100');
    await page.getByLabel('Rate, per second').fill('40');
    await run(page, 'Run both');
    const fields = page.getByRole('table', { name: 'Fields that differ' });
    expect(await fields.innerText()).toMatch(/workload\.arrivals\.poisson\.rate\s+20\s+40/);
    const figures = page.getByRole('table', { name: 'Figures' });
    expect(await figures.locator('tr[data-change="worse"]').count()).toBeGreaterThan(2);
    await button(page, 'Draw the goodput curve').click();
    await page.locator('.chart-series circle').nth(3).waitFor();
    await idle(page).waitFor({ timeout: 60_000 });
    // Goodput and completed requests of both scenarios, six loads each.
    expect(await page.locator('.chart-series circle').count()).toBe(24);
    await button(page, 'Copy link').click();
    const link = await page.evaluate(() => navigator.clipboard.readText());
    const report = await reportOf(page);
    await withPage(browser, {}, async (other) => {
      await other.goto(link);
      await button(other, 'Save timeline (SVG)').waitFor({ timeout: 60_000 });
      await idle(other).waitFor();
      await button(other, 'Scenario B').click();
      expect(await reportOf(other)).toBe(report);
    });
    await button(page, 'Copy command').click();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    expect(command).toMatch(
      /^cat > scenario\.yaml <<'END'\nmodel: [\s\S]*\nEND\nplimsoll simulate scenario\.yaml$/,
    );
    expect(errors).toEqual([]);
  });
});

test('unknown names are refused with the nearest, wrong fields with their line, and both keep the last result', async () => {
  await withPage(browser, {}, async (page) => {
    await open(page);
    const model = page.getByRole('combobox', { name: 'Model', exact: true });
    await model.fill('llama-3.1-9b');
    await model.press('Tab');
    const problem = page.locator('.sim-problem');
    await expect.poll(() => problem.innerText()).toMatch(/llama-3\.1-9b[\s\S]*Llama-3\.1-8B/);
    expect(await model.getAttribute('aria-invalid')).toBe('true');
    await button(page, 'Run').click();
    await idle(page).waitFor();
    expect(await problem.innerText()).toMatch(/llama-3\.1-9b/);
    await write(page, chat.replace('seed: 7', 'sede: 7'));
    await expect
      .poll(() => problem.innerText())
      .toMatch(/scenario\.yaml:9: there is no field workload\.sede/);
    expect(await page.locator('.sim-sentence').textContent()).toMatch(/3,000 requests completed/);
    const workload =
      'workload.arrivals.poisson.rate=1&workload.requests=10&workload.prompt=100&workload.output=10';
    await page.goto(`${url}?model=gpt-oss-20b&hardware=h1000&${workload}`);
    await expect.poll(() => problem.innerText()).toMatch(/h1000/);
  });
});

test('a long run shows its progress and stops', async () => {
  await withPage(browser, {}, async (page) => {
    await open(page);
    await write(page, chat.replace('requests: 300', 'requests: 2000000'));
    await button(page, 'Run').click();
    await expect
      .poll(() => page.getByRole('status').first().innerText())
      .toMatch(/[1-9][\d,]* of 2,000,000 requests/);
    await button(page, 'Stop').click();
    await idle(page).waitFor();
    expect(await page.locator('.sim-run').innerText()).toMatch(/Stopped/);
    await page.getByLabel('Edit the text').fill(chat);
    await run(page);
    expect(await page.locator('.sim-sentence').textContent()).toMatch(/300 requests completed/);
  });
});

test('without JavaScript the example is there: sentence, figures, timeline, curve, command', async () => {
  await withPage(browser, { javaScriptEnabled: false }, async (page) => {
    await page.goto(url);
    const text = await page.locator('main').innerText();
    for (const words of ['3,000 requests completed', 'Time to first token', 'examples/single-gpu-chat.yaml'])
      expect(text).toContain(words);
    expect(await page.getByRole('img', { name: /^Running requests: at most/ }).count()).toBe(1);
    expect(await page.locator('.chart-series circle').count()).toBe(12);
  });
});

test.each(['light', 'dark'] as const)(
  'in %s, with everything open on a phone: no objection of axe, nothing too wide',
  async (theme) => {
    await withPage(browser, { colorScheme: theme, viewport: { width: 360, height: 740 } }, async (page) => {
      await open(page);
      await write(page, chat);
      await button(page, 'Compare with a second scenario').click();
      await page.getByLabel('Tensor parallel').fill('2');
      await page.getByLabel('Devices', { exact: true }).fill('2');
      await run(page, 'Run both');
      await page.locator('.sim details').evaluateAll((all) => {
        for (const details of all) details.setAttribute('open', '');
      });
      await page.getByRole('combobox', { name: 'Device', exact: true }).click();
      await page.locator('.combobox-list [role=option]').first().waitFor();
      expect(await accessibilityProblems(page)).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
    });
  },
);
