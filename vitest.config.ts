/** How tests run: `npm test`. The seed of this run comes from here, so that every worker has the same one. */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { TestReporter } from './tools/test-reporter.ts';

const seed = process.env.PLIMSOLL_SEED ?? String(randomInt(2 ** 31));

const siteBudgets = 'apps/atlas/tests/budgets.test.ts';
/** The site is built once for both of its projects, and only when one of them runs. */
const builtSite = {
  globalSetup: [join(import.meta.dirname, 'apps/atlas/tests/site-set-up.ts')],
  hookTimeout: 120_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'sources',
          include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'tools/**/*.test.ts'],
          exclude: ['tools/real-models/tests/**', 'tools/real-clients/**'],
          globalSetup: [join(import.meta.dirname, 'tools/test-global-setup.ts')],
        },
      },
      {
        // Budgets of the built site. They are timed, so that this file runs alone.
        extends: true,
        test: {
          ...builtSite,
          name: 'site-timed',
          include: [siteBudgets],
          sequence: { groupOrder: 1 },
        },
      },
      {
        // The built site in a real browser.
        extends: true,
        test: {
          ...builtSite,
          name: 'site',
          include: ['apps/atlas/tests/**/*.test.ts'],
          exclude: [siteBudgets],
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Published models, where tools/real-models.ts has fetched them. A model takes both cores, so files run in turn.
        extends: true,
        test: {
          name: 'real-models',
          include: ['tools/real-models/tests/*.test.ts'],
          globalSetup: [
            join(import.meta.dirname, 'tools/test-global-setup.ts'),
            join(import.meta.dirname, 'tools/real-models/tests/real-model-set-up.ts'),
          ],
          hookTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
    setupFiles: [join(import.meta.dirname, 'tools/test-setup.ts')],
    reporters: [
      'default',
      new TestReporter({ seed, countsPath: process.env.PLIMSOLL_TEST_COUNTS ?? '.cache/test-counts.json' }),
    ],
    env: { PLIMSOLL_SEED: seed },
    // For a test that hangs; a slow one on a busy machine with two cores is not wrong.
    testTimeout: 120_000,
    // The default of a second is short for a busy machine.
    expect: { poll: { timeout: 20_000 } },
    // A focused test left behind would turn the others off.
    allowOnly: false,
    // By default one core is left to the main process, which only waits while tests run.
    maxWorkers: availableParallelism(),
  },
});
