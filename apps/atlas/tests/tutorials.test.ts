/** Tutorials in a real page: what a cell shows is what Node computes, before and after a change; exercises judge answers. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Locator } from 'playwright-core';
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
import { formatQuantity } from '../src/islands/charts/quantity.ts';
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

/** The numbers of a cell's table as it shows them; words are looked up in messages and are not compared. */
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
