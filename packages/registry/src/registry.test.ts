import { readFileSync } from 'node:fs';
import { PlimsollError } from '@plimsoll/foundation';
import { describe, expect, test } from 'vitest';
import { buildHardwareIndex, buildModelIndex, formatIndex } from './index-builder.ts';
import { dataDirectory, resolveHardware, resolveModel } from './node-registry.ts';
import { readHardwareFiles, readModelFiles } from './record-files.ts';
import { hardwareIndexPath, modelIndexPath } from './registry.ts';

function failure(action: () => unknown): PlimsollError {
  try {
    action();
  } catch (error) {
    if (error instanceof PlimsollError) return error;
    throw error;
  }
  throw new Error('no error was thrown');
}

describe('shipped data', () => {
  test('every model record fits the schema and the index is up to date', () => {
    const index = formatIndex(buildModelIndex(readModelFiles(dataDirectory)));
    expect(
      readFileSync(`${dataDirectory}/${modelIndexPath}`, 'utf8'),
      'run tools/build-registry-index.ts',
    ).toBe(index);
  });

  test('every hardware record fits the schema and the index is up to date', () => {
    const index = formatIndex(buildHardwareIndex(readHardwareFiles(dataDirectory)));
    expect(
      readFileSync(`${dataDirectory}/${hardwareIndexPath}`, 'utf8'),
      'run tools/build-registry-index.ts',
    ).toBe(index);
  });
});

test('an unknown name is refused with the nearest ones', () => {
  const error = failure(() => resolveModel('llama-3.1-9b'));
  expect(error.code).toBe('unknown-model');
  expect(error.hint).toContain('meta-llama/Llama-3.1-8B');
  expect(failure(() => resolveHardware('h1000')).code).toBe('unknown-hardware');
});
