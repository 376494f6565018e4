import { expect, test } from 'vitest';
import { buildWorkbench } from '../workbench/build-workbench.ts';
import { type Cell, defaultValues, readEntry, runCell } from './cell.ts';

const cell: Cell = {
  inputs: {
    users: { kind: 'number', min: 1, max: 8, default: 2 },
    share: { kind: 'number', min: 0.1, max: 0.9, step: 0.1, default: 0.5 },
    device: { kind: 'choice', options: ['h100', 'l40s'], default: 'h100' },
  },
  compute: (values) => ({ columns: [{ name: 'value', unit: 'text' }], rows: [[JSON.stringify(values)]] }),
};

test('a cell runs on its defaults and on values within its limits', () => {
  const values = defaultValues(cell.inputs);
  expect(runCell(cell, values, buildWorkbench).rows).toEqual([['{"users":2,"share":0.5,"device":"h100"}']]);
  expect(runCell(cell, { ...values, share: 0.3 }, buildWorkbench).rows.length).toBe(1);
});

test('an entry is read as the value that it names, and as none outside the limits', () => {
  const { users, share, device } = cell.inputs;
  const read = (input: Cell['inputs'][string] | undefined, entries: readonly string[]) =>
    entries.map((text) => (input === undefined ? undefined : readEntry(input, text)));
  expect(read(users, ['1', '8', '0', '9', '-5', '1.5', '', ' ', 'two'])).toEqual([
    1,
    8,
    ...Array.from({ length: 7 }, () => null),
  ]);
  expect(read(share, ['0.1', '0.30', '0.55'])).toEqual([0.1, 0.3, null]);
  expect(read(device, ['l40s', 'tpu'])).toEqual(['l40s', null]);
});

test('a value outside the limits is refused with them', () => {
  const values = defaultValues(cell.inputs);
  for (const wrong of [
    { users: 9 },
    { users: 1.5 },
    { users: Number.NaN },
    { share: 0.55 },
    { device: 'tpu' },
  ]) {
    expect(() => runCell(cell, { ...values, ...wrong }, buildWorkbench)).toThrowError('cannot be');
  }
});
