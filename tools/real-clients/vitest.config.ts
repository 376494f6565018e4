/**
 * Tests of client libraries against `plimsoll serve`: npx vitest run --config tools/real-clients/vitest.config.ts
 * They need `npm ci` in this folder and the files of tools/real-models.ts; `npm test` does not run them.
 */
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { TestReporter } from '../test-reporter.ts';

const seed = process.env.PLIMSOLL_SEED ?? '1';
const tools = join(import.meta.dirname, '..');

export default defineConfig({
  test: {
    name: 'real-clients',
    root: import.meta.dirname,
    include: ['tests/*.test.ts'],
    globalSetup: [join(tools, 'test-global-setup.ts'), join(tools, 'real-models/tests/real-model-set-up.ts')],
    setupFiles: [join(tools, 'test-setup.ts')],
    reporters: [
      'default',
      new TestReporter({ seed, countsPath: process.env.PLIMSOLL_TEST_COUNTS ?? '.cache/test-counts.json' }),
    ],
    env: { PLIMSOLL_SEED: seed },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    allowOnly: false,
    // A server takes both cores.
    fileParallelism: false,
  },
});
