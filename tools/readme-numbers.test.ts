/** Counts the records and logs that README.md states, so that its numbers stay true. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatBytes } from '@plimsoll/foundation';
import { listHardware, listModels, resolveHardware } from '@plimsoll/registry';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

test('records of the registry', () => {
  expect(readme).toContain(`${listModels().length} models and ${listHardware().length} device variants`);
  const { usableBytes } = resolveHardware('h100-sxm-80gb').memory;
  expect(readme).toContain(`(${formatBytes(usableBytes)} on an 80 GB H100)`);
});

test('start-up logs that plans are compared with', () => {
  const accuracy = readFileSync(join(root, 'docs/accuracy.md'), 'utf8');
  const counts = [...accuracy.matchAll(/^\d+ records, (\d+) supported/gm)].map(([, count]) => Number(count));
  expect(counts).toHaveLength(4);
  const logs = counts.reduce((sum, count) => sum + count, 0);
  expect(readme).toContain(`errors on ${logs} start-up logs`);
  expect(readme).toContain(`checked against logs of real engines | ${logs},`);
});
