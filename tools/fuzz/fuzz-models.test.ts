/**
 * Runs some cases of `node tools/fuzz-models.ts` with the seed of this run, and proves with deliberate faults that the
 * machinery reports faults.
 */
import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { kindNames } from './case.ts';
import { fuzzModels } from './fuzz-run.ts';

const seed = Number(process.env.PLIMSOLL_SEED ?? 1);
/** Two cores take a minute for this number of cases. */
const caseCount = 2000;

test('changed files end in an answer or in a typed error', { timeout: 600_000 }, async () => {
  const processes = Math.min(2, availableParallelism());
  const { cases, outcomes, findings } = await fuzzModels({ seed, first: 0, count: caseCount, processes });
  expect(findings).toEqual([]);
  expect(cases).toBeGreaterThan(0.95 * caseCount);
  // The mutations are small enough to leave many files valid, and large enough to break many.
  expect(outcomes.get('ok')).toBeGreaterThan(0.1 * caseCount);
  expect(outcomes.get('bad-geometry')).toBeGreaterThan(0.02 * caseCount);
  expect(outcomes.size).toBeGreaterThan(15);
});

describe('a fault is reported with its case', () => {
  const provoked = async (canary: string) => {
    const { findings, cases } = await fuzzModels({
      seed: 1,
      first: 10,
      count: 2,
      processes: 1,
      canary,
      hangSeconds: canary === 'hang' ? 3 : 60,
    });
    expect(cases).toBe(findings.length);
    for (const { kind } of findings) expect(kindNames).toContain(kind);
    return findings.map(({ number, problem }) => `${number}: ${problem.split('\n')[0]}`);
  };

  test('an assertion', async () => {
    expect(await provoked('assertion')).toEqual([
      '10: AssertionError: provoked',
      '11: AssertionError: provoked',
    ]);
  });

  test('an error that is thrown late, and a process that exits', async () => {
    expect(await provoked('late')).toEqual(['10: the process ended with 1', '11: the process ended with 1']);
    expect(await provoked('exit')).toEqual(['10: the process ended with 7', '11: the process ended with 7']);
  });

  test('a case that never ends', async () => {
    expect(await provoked('hang')).toEqual(['10: hangs: nothing for 3 s', '11: hangs: nothing for 3 s']);
  });

  test('memory over the limit, in the case that first exceeds it', async () => {
    const { findings } = await fuzzModels({ seed: 1, first: 10, count: 1, processes: 1, canary: 'memory' });
    expect(findings.map(({ problem }) => problem)).toEqual([expect.stringMatching(/^memory: \d+ MiB/)]);
  });
});
