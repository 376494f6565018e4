/** Runs small test files in a separate vitest, because a run cannot observe its own failure. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const repository = join(import.meta.dirname, '..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-vitest-'));
  mkdirSync(join(folder, 'tools'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Runs one test file under this repository's configuration. */
function runTests(source: string): { status: number | null; output: string; counts: unknown } {
  writeFileSync(join(folder, 'tools/sample.test.ts'), source);
  const countsPath = join(folder, 'counts.json');
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(repository, 'node_modules/vitest/vitest.mjs'),
      'run',
      '--globals',
      '--root',
      folder,
      '--config',
      join(repository, 'vitest.config.ts'),
    ],
    {
      encoding: 'utf8',
      env: { ...Object.fromEntries(inherited), PLIMSOLL_SEED: '7', PLIMSOLL_TEST_COUNTS: countsPath },
    },
  );
  const counts: unknown = JSON.parse(readFileSync(countsPath, 'utf8'));
  return { status, output: stripVTControlCharacters(stdout + stderr), counts };
}

test('a silent run passes and leaves its counts', () => {
  const { status, output, counts } = runTests("test('one', () => {}); test.skip('two', () => {});");
  expect({ status, counts }).toEqual({
    status: 0,
    counts: { passed: 1, failed: 0, skipped: 1, failures: [] },
  });
  expect(output).not.toContain('Seed of this run');
});

test('a test that prints fails for every way of printing, and the report names the seed', () => {
  const { status, output, counts } = runTests(`
    test('console', () => console.warn('by console', 1));
    test('stream', () => { process.stdout.write('by stream'); });
    test('silent', () => {});`);
  expect({ status, counts }).toMatchObject({
    status: 1,
    counts: {
      passed: 1,
      failed: 2,
      skipped: 0,
      failures: [
        expect.stringContaining('tools/sample.test.ts > console: '),
        expect.stringContaining('tools/sample.test.ts > stream: '),
      ],
    },
  });
  expect(output).toContain('console.warn: by console 1');
  expect(output).toContain('process.stdout: by stream');
  expect(output).toContain('Seed of this run: 7. Replay: PLIMSOLL_SEED=7 npm test');
});

test('property tests take the seed of the run', () => {
  const fastCheck = JSON.stringify(join(repository, 'node_modules/fast-check/lib/fast-check.js'));
  const { status, output } = runTests(`
    import { assert, nat, property } from ${fastCheck};
    test('property', () => assert(property(nat(), (value) => value < 0)));`);
  expect(status).toBe(1);
  expect(output).toContain('seed: 7');
});

test('a file that does not load, an error outside tests and a focused test fail the run', () => {
  expect(runTests("import './missing.ts';")).toMatchObject({
    status: 1,
    counts: {
      passed: 0,
      failed: 1,
      failures: [expect.stringMatching(/^tools\/sample\.test\.ts: .*missing\.ts/)],
    },
  });
  const late =
    "test('late', async () => { setTimeout(() => { throw new Error('late'); }); await new Promise((done) => setTimeout(done, 20)); });";
  expect(runTests(late)).toMatchObject({
    status: 1,
    counts: { passed: 1, failed: 1, failures: ['outside tests: late'] },
  });
  expect(runTests("test.only('focused', () => {});")).toMatchObject({ status: 1, counts: { failed: 1 } });
});
