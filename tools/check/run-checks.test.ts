import { expect, test } from 'vitest';
import { type Check, projectFromFiles } from './project.ts';
import { type CheckResult, formatResult, runChecks } from './run-checks.ts';

const project = projectFromFiles({});

test('every check runs, and a check that throws fails without stopping the others', async () => {
  const checks: readonly Check[] = [
    { name: 'fine', run: () => [] },
    {
      name: 'broken',
      run: () => {
        throw new Error('no such file');
      },
    },
    {
      name: 'late',
      run: async (_, remark) => {
        remark?.('b.ts is long');
        return ['a.ts:1 is wrong'];
      },
    },
  ];
  const reported: CheckResult[] = [];
  const results = await runChecks(checks, project, (result) => reported.push(result));
  expect(results.map(({ name, problems }) => [name, problems[0]?.split('\n')[0]])).toEqual([
    ['fine', undefined],
    ['broken', 'the check itself failed: Error: no such file'],
    ['late', 'a.ts:1 is wrong'],
  ]);
  expect(results.map(({ remarks }) => remarks)).toEqual([[], [], ['b.ts is long']]);
  expect(reported.map(({ name }) => name).sort()).toEqual(['broken', 'fine', 'late']);
});

test('a result is one line, followed by its problems and remarks', () => {
  const result = {
    name: 'sizes',
    problems: ['a.ts has 500 lines', 'b.ts has 600 lines'],
    remarks: ['c.ts has 390 lines'],
    milliseconds: 1234,
  };
  expect(formatResult(result)).toMatchInlineSnapshot(`
    "FAIL  sizes             1.23 s
          a.ts has 500 lines
          b.ts has 600 lines
          note: c.ts has 390 lines
    "
  `);
  expect(formatResult({ ...result, problems: [] })).toMatchInlineSnapshot(`
    "ok    sizes             1.23 s
          note: c.ts has 390 lines
    "
  `);
});
