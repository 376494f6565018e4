/**
 * Writes the results of a test run for programs: a small file with counts and failures. After a failure it prints the
 * seed that repeats the run's random numbers.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Each failed test: its file, its name, and the first line of its message. */
  readonly failures: readonly string[];
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
    const counts = countTests(modules, unhandledErrors);
    writeFileSync(this.#countsPath, `${JSON.stringify(counts)}\n`);
    if (reason === 'failed') {
      process.stdout.write(
        `\nSeed of this run: ${this.#seed}. Replay: PLIMSOLL_SEED=${this.#seed} npm test\n`,
      );
    }
  }
}

/** Errors outside any test, and files that failed before their first test ran, count as failures too. */
function countTests(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): TestCounts {
  const counts = { passed: 0, skipped: 0 };
  const failures = unhandledErrors.map((error) => failure('outside tests', error));
  for (const module of modules) {
    const failedBefore = failures.length;
    for (const test of module.children.allTests()) {
      const { state, errors } = test.result();
      if (state === 'passed' || state === 'skipped') counts[state]++;
      else failures.push(failure(`${module.relativeModuleId} > ${test.fullName}`, errors?.[0]));
    }
    if (module.state() === 'failed' && failures.length === failedBefore) {
      failures.push(failure(module.relativeModuleId, module.errors()[0]));
    }
  }
  return { ...counts, failed: failures.length, failures };
}

function failure(place: string, error: unknown): string {
  const message =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : 'did not end';
  return `${place}: ${message.split('\n', 1)[0]}`;
}
