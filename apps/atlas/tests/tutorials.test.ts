/** Tutorials in a real page: what a cell shows is what Node computes, before and after a change; exercises judge answers. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  type AnyValues,
  type Cell,
  type CellInput,
  type CellOutput,
  defaultValues,
  runCell,
} from '../src/cells/cell.ts';
import type { ExerciseKeys } from '../src/cells/exercise-key.ts';
import { formatQuantity } from '../src/cells/quantity.ts';
import { buildWorkbench } from '../src/workbench/build-workbench.ts';
import { launchChromium, watchErrors } from './chromium.ts';

const url = inject('siteUrl');
const folder = join(import.meta.dirname, '../src/content/docs/tutorials');
const tutorials = readdirSync(folder);

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

async function moduleAt<Module>(...path: string[]): Promise<Module> {
  return (await import(pathToFileURL(join(folder, ...path)).href)) as Module;
}

/** The numbers of a cell's table as texts. Words come from messages and are not compared. */
function numbersOf({ columns, rows }: CellOutput): readonly (readonly string[])[] {
  return rows.map((row) =>
    row.flatMap((value, index) =>
      typeof value === 'number' ? formatQuantity(value, columns[index]?.unit ?? 'text') : [],
    ),
  );
}

async function shownNumbers(cell: Locator, { rows }: CellOutput): Promise<readonly (readonly string[])[]> {
  const texts = await cell
    .locator('tbody tr')
    .evaluateAll((elements) =>
      elements.map((row) => [...row.children].map((entry) => entry.textContent ?? '')),
    );
  return texts.map((row, at) => row.filter((_, index) => typeof rows[at]?.[index] === 'number'));
}

/** Another value that the input allows. */
function otherValue(input: CellInput): number | string {
  if (input.kind === 'choice')
    return input.options.find((option) => option !== input.default) ?? input.default;
  const { step = 1, max, default: usual } = input;
  return usual + step <= max ? usual + step : usual - step;
}

describe.each(tutorials)('%s', (tutorial) => {
  test('cells show what Node computes, and again after each input is changed', async () => {
    const page = await browser.newPage();
    const errors = watchErrors(page);
    await page.goto(`${url}/docs/tutorials/${tutorial}/`);
    for (const file of readdirSync(join(folder, tutorial, 'cells'))) {
      const id = file.replace(/\.ts$/, '');
      const cell = await moduleAt<Cell>(tutorial, 'cells', file);
      const place = page.locator(`#cell-${id}`);
      await place.scrollIntoViewIfNeeded();
      await place.locator('.cell[data-ready="true"]').waitFor();
      let values: AnyValues = defaultValues(cell.inputs);
      const agrees = async (): Promise<void> => {
        const output = runCell(cell, values, buildWorkbench);
        await expect
          .poll(() => shownNumbers(place, output), {
            timeout: 20_000,
            message: `${id} ${JSON.stringify(values)}`,
          })
          .toEqual(numbersOf(output));
      };
      await agrees();
      const fields = place.locator('.cell-input :is(input, select)');
      for (const [index, [name, input]] of Object.entries(cell.inputs).entries()) {
        const value = otherValue(input);
        values = { ...values, [name]: value };
        if (input.kind === 'choice') await fields.nth(index).selectOption(String(value));
        else await fields.nth(index).fill(String(value));
        await agrees();
      }
      if (Object.keys(cell.inputs).length > 0) {
        await place.getByRole('button', { name: "Back to the page's numbers" }).click();
        values = defaultValues(cell.inputs);
        await agrees();
      }
    }
    expect(errors).toEqual([]);
    await page.close();
  });

  test('exercises tell right from wrong', async () => {
    const page = await browser.newPage();
    await page.goto(`${url}/docs/tutorials/${tutorial}/`);
    const keys = (await moduleAt<{ default: ExerciseKeys }>(tutorial, 'exercises.ts')).default(
      buildWorkbench,
    );
    for (const [id, key] of Object.entries(keys)) {
      const place = page.locator(`#exercise-${id}`);
      const element = place.locator('plimsoll-exercise');
      const said = async (): Promise<string> => {
        await place.getByRole('button', { name: 'Check' }).click();
        return place.locator('[role="status"]').innerText();
      };
      expect(await said()).toBe(await element.getAttribute('data-empty'));
      if (key.kind === 'number') {
        await place.locator('input').fill(String(key.value * 3));
        expect(await said()).toBe(await element.getAttribute('data-wrong'));
        await place.locator('input').fill(String(key.value));
      } else {
        await place.locator(`input:not([value="${key.value}"])`).first().check();
        expect(await said()).toBe(await element.getAttribute('data-wrong'));
        await place.locator(`input[value="${key.value}"]`).check();
      }
      expect(await said()).toBe(await element.getAttribute('data-right'));
    }
    await page.close();
  });
});

async function openCell(id: string, width = 1440): Promise<{ readonly page: Page; readonly cell: Locator }> {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  await page.goto(`${url}/docs/tutorials/kv-cache-hidden-tax/`);
  const cell = page.locator(`#cell-${id}`);
  await cell.scrollIntoViewIfNeeded();
  await cell.locator('.cell[data-ready="true"]').waitFor();
  return { page, cell };
}

test('an entry outside its limits is answered with them, and the output is greyed until it is right again', async () => {
  const { page, cell } = await openCell('one-user');
  const field = cell.getByLabel('Context, tokens');
  const before = await cell.locator('tbody').innerText();
  for (const wrong of ['-5', '99999999', '1000.5', '']) {
    await field.fill(wrong);
    expect(await cell.locator('small[data-wrong="true"]').innerText()).toBe(
      'A whole number from 128 to 131,072.',
    );
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    expect(await cell.locator('.cell-result').getAttribute('data-stale')).toBe('true');
    expect(await cell.locator('.cell-stale').innerText()).toBe('Not computed: this is the last result.');
    expect(await cell.locator('tbody').innerText()).toBe(before);
  }
  await cell.getByRole('button', { name: "Back to the page's numbers" }).click();
  expect(await field.inputValue()).toBe('2048');
  await field.fill('1000');
  // 1,000 tokens of 131,072 bytes.
  await expect.poll(() => cell.locator('tbody').innerText(), { timeout: 20_000 }).toContain('125.00 MiB');
  expect(await cell.locator('.cell-result').getAttribute('data-stale')).toBe('false');
  expect(await cell.locator('.cell-stale, small[data-wrong="true"]').count()).toBe(0);
  await page.context().close();
});

test('what the model accepts is said as a number, and so is a context that was cut to it', async () => {
  const { page, cell } = await openCell('one-user');
  const note = cell.locator('small');
  expect(await note.innerText()).toBe('meta-llama/Llama-3.1-8B-Instruct accepts at most 131,072.');
  await cell.getByLabel('Model').selectOption('microsoft/phi-2');
  await expect
    .poll(() => note.innerText(), { timeout: 20_000 })
    .toBe('microsoft/phi-2 accepts at most 2,048.');
  await cell.getByLabel('Context, tokens').fill('8192');
  await expect
    .poll(() => note.innerText(), { timeout: 20_000 })
    .toBe('Computed for 2,048, the most that microsoft/phi-2 accepts.');
  await page.context().close();
});

test.each([1440, 360])(
  'at %i pixels the fields of a cell share a line, or follow each other',
  async (width) => {
    const { page, cell } = await openCell('one-user', width);
    const boxes = await cell
      .locator('.cell-input :is(input, select)')
      .evaluateAll((fields) => fields.map((field) => field.getBoundingClientRect().top));
    const tops = new Set(boxes.map((top) => Math.round(top)));
    expect(tops.size).toBe(width === 360 ? 2 : 1);
    await page.context().close();
  },
);

test('an exercise takes an answer with its unit, and says what it cannot read', async () => {
  const page = await browser.newPage();
  await page.goto(`${url}/docs/tutorials/kv-cache-hidden-tax/`);
  const place = page.locator('#exercise-per-token');
  const judged = async (text: string): Promise<string> => {
    await place.locator('input').fill(text);
    await place.getByRole('button', { name: 'Check' }).click();
    return place.locator('[role="status"]').innerText();
  };
  for (const right of ['131072', '131,072 bytes', '128 KiB', '128kib'])
    expect(await judged(right)).toBe('Right.');
  expect(await judged('128 kB')).toContain('Not yet.');
  expect(await judged('many')).toBe('Write a number, with or without its unit: bytes.');
  expect(await judged('')).toBe('Write a number first.');
  await page.close();
});
