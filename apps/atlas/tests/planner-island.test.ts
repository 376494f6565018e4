/** The planner in a real page: its numbers are the planner's, its address holds its state, keys and screen readers work. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { formatBytes, formatCount, formatTokens } from '@plimsoll/foundation';
import { aboutCount, aboutSeconds } from '@plimsoll/foundation/estimates';
import { type Plan, plan } from '@plimsoll/planner';
import { startLogCharactersMax } from '@plimsoll/planner/start-log';
import fc from 'fast-check';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { answerState, requestOf } from '../src/islands/planner/state/settle.ts';
import {
  exampleState,
  type PlannerState,
  readState,
  writeState,
} from '../src/islands/planner/state/state.ts';
import { buildWorkbench } from '../src/workbench/build-workbench.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchChromium } from './chromium.ts';
import { answered, openPlanner } from './planner-page.ts';

let site: { readonly browser: Browser; readonly url: string };
beforeAll(async () => {
  site = { browser: await launchChromium(), url: inject('siteUrl') };
});
afterAll(() => site.browser.close());

/** The texts of the page. */
async function shown(page: Page): Promise<Readonly<Record<string, unknown>>> {
  const texts = (selector: string): Promise<string[]> => page.locator(selector).allInnerTexts();
  const figures = await texts('.plan-figures dd');
  return {
    verdict: (await texts('.verdict-line'))[0]?.trim(),
    keyFigures: await texts('.key-figures strong'),
    parts: await texts('.load-row:not(.load-total) .load-bytes'),
    ttft: figures[0],
    tpot: figures[1]?.split(',')[0],
    throughput: figures[2],
    perUser: figures[3],
  };
}

/** The same texts from a plan that Node computed. */
function expected(answer: Plan): Readonly<Record<string, unknown>> {
  const { capacity, speed, ledger, spareBytes } = answer;
  const sums = new Map<string, number>();
  for (const { category, tier, bytes } of ledger.entries) {
    const part = category === 'state' ? 'kv-cache' : category;
    const place = tier === 'host' ? 'host' : part;
    sums.set(place, (sums.get(place) ?? 0) + bytes);
  }
  if (spareBytes > 0) sums.set('free', spareBytes);
  const order = [
    'headroom',
    'free',
    'kv-cache',
    'features',
    'runtime',
    'workspace',
    'activations',
    'draft',
    'weights',
    'host',
  ];
  return {
    verdict: expectedVerdict(answer),
    keyFigures: [
      formatCount(capacity.usersMax),
      formatTokens(capacity.contextMax),
      aboutCount(1 / speed.tpotSeconds),
    ],
    parts: order.flatMap((name) => ((sums.get(name) ?? 0) > 0 ? formatBytes(sums.get(name) ?? 0) : [])),
    ttft: `about ${aboutSeconds(speed.ttftSeconds)}`,
    tpot: `about ${aboutSeconds(speed.tpotSeconds)}`,
    throughput: `about ${aboutCount(speed.tokensPerSecond)}`,
    perUser: formatBytes(capacity.bytesPerUser),
  };
}

function expectedVerdict({ fits, spareBytes, capacity, engine, workload, hardware }: Plan): string {
  const each = hardware.devices > 1 ? ' on each device' : '';
  if (fits) return `Fits, with ${formatBytes(spareBytes)} to spare${each}`;
  const some = `${formatCount(capacity.usersMax)} of ${formatCount(workload.users)} users`;
  if (capacity.usersMax > 0)
    return engine.name === 'vllm' ? `${some} run at once, the others wait` : `${some} fit`;
  return spareBytes < 0 ? `Does not fit: ${formatBytes(-spareBytes)} short${each}` : 'Does not fit';
}

const states: fc.Arbitrary<PlannerState> = fc
  .record({
    model: fc.constantFrom(
      'meta-llama/Llama-3.1-8B-Instruct',
      'meta-llama/Llama-3.1-70B-Instruct',
      'openai/gpt-oss-20b',
      'deepseek-ai/DeepSeek-V3',
      'google/gemma-3-12b-it',
      'Qwen/Qwen3-30B-A3B',
    ),
    gpu: fc.constantFrom(
      'h100-sxm-80gb',
      'h200-sxm-141gb',
      'rtx-4090',
      'l40s-48gb',
      'apple-m2-ultra-76-core',
    ),
    engine: fc.constantFrom(null, 'vllm', 'llama.cpp', 'none'),
    weights: fc.constantFrom(null, null, 'fp8', 'awq', 'Q4_K_M'),
    kv: fc.constantFrom(null, null, 'fp8', 'q8_0'),
    context: fc.constantFrom(512, 4096, 8192, 32_768, 131_072),
    users: fc.integer({ min: 1, max: 300 }),
    tp: fc.constantFrom(1, 1, 2, 8),
    pp: fc.constantFrom(1, 1, 2),
    utilization: fc.constantFrom(null, 0.8, 0.95),
  })
  .map((fields) => ({ ...exampleState, ...fields }));

const seed = Number(process.env.PLIMSOLL_SEED ?? 1);

test('the numbers of the page are those of the planner in Node, for a sample of states', async () => {
  let plans = 0;
  for (const state of fc.sample(states, { numRuns: 10, seed })) {
    const { page, errors } = await openPlanner(site, writeState(state));
    const answer = answerState(state, buildWorkbench);
    const where = `?${writeState(state)} (seed ${seed})`;
    expect(errors, where).toEqual([]);
    expect(await page.locator('.planner-note li').count(), where).toBe(answer.notes.length);
    if (answer.plan === null)
      expect(await page.locator('.verdict-line').innerText(), where).toContain(answer.refusal?.message);
    else {
      plans++;
      expect(await shown(page), where).toEqual(expected(plan(requestOf(answer.state, buildWorkbench))));
    }
    await page.context().close();
  }
  expect(plans).toBeGreaterThan(3);
});

test('the command that the page shows gives the same plan', async () => {
  const state = {
    ...exampleState,
    gpu: 'l40s-48gb',
    context: 16_384,
    users: 5,
    kv: 'fp8',
    utilization: 0.95,
  };
  const { page } = await openPlanner(site, writeState(state));
  const command = (await page.locator('.command-box pre').first().innerText()).trim().split(' ');
  expect(command[0]).toBe('plimsoll');
  const program = join(import.meta.dirname, '../../plimsoll/bin/plimsoll.js');
  const run = promisify(execFile)(process.execPath, [program, ...command.slice(1), '--json']);
  // Exit code 2 means that the plan does not fit. The command prints the plan all the same.
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  expect(await shown(page)).toEqual(expected(JSON.parse(stdout) as Plan));
  await page.context().close();
});

test('the address follows the form, and a shared address shows the same', async () => {
  const { page, errors } = await openPlanner(site, '');
  expect(new URL(page.url()).search).toBe('');
  await page.getByLabel('Users at once').fill('40');
  await page.getByLabel('KV cache in').selectOption('fp8');
  await answered(page);
  await page
    .getByRole('button', { name: /^Use this/ })
    .first()
    .click();
  await answered(page);
  const { state, notes } = readState(new URL(page.url()).search);
  expect(notes).toEqual([]);
  expect(state).toMatchObject({ users: 40, kv: 'fp8' });
  const before = await shown(page);
  expect(before).toEqual(expected(plan(requestOf(state, buildWorkbench))));
  await page.reload();
  await page.locator('.planner[data-ready="true"]').waitFor();
  await answered(page);
  expect(await shown(page)).toEqual(before);
  expect(errors).toEqual([]);
  await page.context().close();
});

const malformed: readonly (readonly [query: string, notes: number])[] = [
  ['users=-3', 1],
  ['users=1e9&context=banana&tp=2.5', 3],
  ['engine=tgi&kv=float3', 2],
  ['model=no/such-model', 1],
  ['gpu=%3Cscript%3Ealert(1)%3C/script%3E', 1],
  ['context=9999999', 1],
  ['tp=3', 1],
  ['weights=__proto__&kv=constructor', 2],
  [`model=${'x'.repeat(3000)}`, 1],
  ['%E0%A4%A&&&==', 0],
];

test.each(malformed)(
  'an address with ?%s is answered, with a note for what could not be used',
  async (query, notes) => {
    const { page, errors } = await openPlanner(site, query);
    expect(errors).toEqual([]);
    expect(await page.locator('.planner-note li').count()).toBe(notes);
    if (notes > 0) expect(await page.locator('.planner-note').getAttribute('role')).toBe('alert');
    const { plan: answer, state } = answerState(readState(query).state, buildWorkbench);
    if (answer === null) throw new Error('every one of these addresses is planned');
    expect(await page.locator('.verdict-line').innerText()).toContain(expectedVerdict(answer));
    // The address drops values that are not usable.
    expect(readState(new URL(page.url()).search)).toEqual({ state: { ...state }, notes: [] });
    await page.context().close();
  },
);

test('advice that is followed takes the focus to its verdict, and the way back undoes it', async () => {
  const { page } = await openPlanner(site, 'users=40');
  const before = await shown(page);
  await page
    .getByRole('button', { name: /^Use this/ })
    .first()
    .click();
  await answered(page);
  expect(await page.evaluate(() => document.activeElement?.className)).toContain('verdict');
  expect(await shown(page)).not.toEqual(before);
  await page.goBack();
  await answered(page);
  expect(await shown(page)).toEqual(before);
  await page.context().close();
});

test("the flags of one engine: a release of vLLM, llama.cpp's layers on the device", async () => {
  for (const query of [
    'release=0.8.5&utilization=0.8&users=4',
    'gpu=rtx-4090&engine=llama.cpp&model=meta-llama/Llama-3.1-70B-Instruct&ngl=20&users=1',
    'model=deepseek-ai/DeepSeek-V3&gpu=h200&dp=8&ep=on&users=64',
  ]) {
    const { page, errors } = await openPlanner(site, query);
    expect(errors, query).toEqual([]);
    const { state, notes } = answerState(readState(query).state, buildWorkbench);
    expect(notes, query).toEqual([]);
    expect(await shown(page), query).toEqual(expected(plan(requestOf(state, buildWorkbench))));
    await page.context().close();
  }
});

test('a pasted start-up log is compared with the plan, line by line', async () => {
  const { page, errors } = await openPlanner(site, 'release=0.19.0&utilization=0.95');
  await page.getByText('Check it against your log').click();
  const paste = page.getByLabel('What vLLM printed when it started');
  await paste.fill('hello');
  expect(await page.locator('.log-check').innerText()).toContain('none of the lines');
  await paste.fill('x'.repeat(startLogCharactersMax + 1));
  expect(await page.locator('.log-check').innerText()).toContain('longer than any start');
  expect(await paste.inputValue()).toBe('');
  // https://github.com/llm-d-incubation/llm-d-planner/pull/205
  await paste.fill(
    'Model loading took 14.99 GiB memory and 4.5 seconds\nAvailable KV cache memory: 57.05 GiB',
  );
  const rows = await page.locator('.log-check tbody tr').allInnerTexts();
  const { plan: planned } = answerState(readState(new URL(page.url()).search).state, buildWorkbench);
  if (planned === null) throw new Error('this is planned');
  expect(rows.map((row) => row.split(/\s*\t/))).toEqual([
    ['Weights', '14.99 GiB', '14.99 GiB', '0.0\u00a0%'],
    [
      'Memory for caches',
      `${(planned.capacity.poolBytes / 2 ** 30).toFixed(2)} GiB`,
      '57.05 GiB',
      `+${((planned.capacity.poolBytes / 2 ** 30 / 57.05 - 1) * 100).toFixed(1)}\u00a0%`,
    ],
  ]);
  expect(errors).toEqual([]);
  await page.context().close();
});

test('keys alone: a model by a few letters, a device, users, and the verdict is said', async () => {
  const { page, errors } = await openPlanner(site, '');
  await page.getByRole('combobox', { name: 'Model', exact: true }).focus();
  await page.keyboard.type('gpt-oss-20');
  await page.getByRole('option', { name: /openai\/gpt-oss-20b/ }).waitFor();
  await page.keyboard.press('Enter');
  await answered(page);
  expect(await page.getByRole('combobox', { name: 'Model', exact: true }).inputValue()).toBe(
    'openai/gpt-oss-20b',
  );
  await page.keyboard.press('Tab');
  await page.keyboard.type('4090');
  await page
    .getByRole('option', { name: /rtx-4090/ })
    .first()
    .waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  const active = await page
    .getByRole('combobox', { name: 'Device', exact: true })
    .getAttribute('aria-activedescendant');
  expect(await page.locator(`[id="${active}"]`).getAttribute('aria-selected')).toBe('true');
  await page.keyboard.press('Enter');
  await answered(page);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('2');
  await answered(page);
  const { state } = readState(new URL(page.url()).search);
  expect(state).toMatchObject({ model: 'openai/gpt-oss-20b', gpu: 'rtx-4090', users: 2 });
  const verdict = (await page.locator('.verdict-line').innerText()).trim();
  expect(await page.locator('.planner [role="status"]').first().innerText()).toContain(verdict);
  await page.getByRole('combobox', { name: 'Model', exact: true }).focus();
  await page.keyboard.type('llama');
  await page.keyboard.press('Escape');
  expect(await page.getByRole('combobox', { name: 'Model', exact: true }).inputValue()).toBe(
    'openai/gpt-oss-20b',
  );
  expect(errors).toEqual([]);
  await page.context().close();
});

test('axe finds nothing in the planner, opened up, fitting or not', async () => {
  for (const query of [
    '',
    'gpu=rtx-4090&context=131072&users=64&engine=vllm',
    'model=google/gemma-3-12b-it&engine=plimsoll',
  ]) {
    const { page } = await openPlanner(site, query);
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('.planner details')) details.setAttribute('open', '');
    });
    await page.getByRole('combobox', { name: 'Device', exact: true }).click();
    await page.locator('.combobox-list [role="option"]').first().waitFor();
    expect(await accessibilityProblems(page, '.planner'), query).toEqual([]);
    await page.context().close();
  }
});

test('without JavaScript the example is read, with its numbers and the command', async () => {
  const context = await site.browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${site.url}/planner/`);
  expect(await shown(page)).toEqual(expected(plan(requestOf(exampleState, buildWorkbench))));
  expect(await page.locator('.planner-note').innerText()).toContain('JavaScript');
  await context.close();
});
