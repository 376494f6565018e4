/** Every scenario of examples/ with its report. A change of a step time or of memory shows here as a change of reports. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { plimsoll } from './program.test-data.ts';

const examples = join(import.meta.dirname, '../../../examples');

test.each(readdirSync(examples).filter((name) => name.endsWith('.yaml')))('%s', (name) => {
  const { code, out, err } = plimsoll(['simulate', join(examples, name)]);
  expect(err).toBe('');
  expect(out).toMatchSnapshot();
  expect(code).toBe(0);
});
