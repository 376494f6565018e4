/** Every number that a page computes: shown as a number, derived in words, and the same each time it is asked for. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSiteContent } from '../pages-data/site-content.ts';

const root = join(import.meta.dirname, '../../../..');

test('numbers of all pages can be shown and say how they came about', async () => {
  const { numbers } = await readSiteContent(root);
  expect(numbers.size).toBeGreaterThanOrEqual(26);
  const faults: string[] = [];
  for (const [page, table] of numbers) {
    for (const [name, { text, derivation }] of Object.entries(table)) {
      if (/NaN|Infinity|undefined|null|-\d/.test(text) || text.trim() === '') {
        faults.push(`${page} ${name} shows "${text}"`);
      }
      if (derivation.length < 10 || /NaN|undefined|\[object/.test(derivation)) {
        faults.push(`${page} ${name} is derived as "${derivation}"`);
      }
    }
  }
  expect(faults).toEqual([]);
});

test('a number is the same each time', async () => {
  const [first, second] = [await readSiteContent(root), await readSiteContent(root)];
  expect(second.numbers).toEqual(first.numbers);
});
