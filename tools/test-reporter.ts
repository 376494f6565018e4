/**
 * Writes the results of a test run for programs: a small file with counts and, after a failure, the seed that repeats
 * its random numbers.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export class TestReporter implements Reporter {
  readonly #seed: string;
  readonly #countsPath: string;

  constructor({ seed, countsPath }: { readonly seed: string; readonly countsPath: string }) {
    this.#seed = seed;
    this.#countsPath = countsPath;
  }

  onTestRunEnd(
    modules: readonly TestModule[],
    unhandledErrors: readonly unknown[],
    reason: TestRunEndReason,
  ): void {
    mkdirSync(dirname(this.#countsPath), { recursive: true });
    const counts = countTests(modules, unhandledErrors.length);
    writeFileSync(this.#countsPath, `${JSON.stringify(counts)}\n`);
    if (reason === 'failed') {
      process.stdout.write(
        `\nSeed of this run: ${this.#seed}. Replay: PLIMSOLL_SEED=${this.#seed} npm test\n`,
      );
    }
  }
}

/** Errors outside any test, and files that failed before their first test ran, count as failures too. */
function countTests(modules: readonly TestModule[], unhandledErrorCount: number): TestCounts {
  const counts = { passed: 0, failed: unhandledErrorCount, skipped: 0 };
  for (const module of modules) {
    const failedBefore = counts.failed;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'pending') counts.failed++;
      else counts[state]++;
    }
    if (module.state() === 'failed' && counts.failed === failedBefore) counts.failed++;
  }
  return counts;
}
