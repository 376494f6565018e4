import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commandCheck } from './command.ts';
import { projectFromFiles } from './project.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'plimsoll-command-'));
});

afterEach(() => rmSync(root, { recursive: true }));

/** Runs a check whose program is the given JavaScript. */
function runProgram(source: string): readonly string[] | Promise<readonly string[]> {
  writeFileSync(join(root, 'program.mjs'), source);
  const check = commandCheck({ name: 'sample', program: 'program.mjs', arguments: ['one'], repair: 'mend' });
  return check.run({ ...projectFromFiles({}), root });
}

test('a program that exits with 0 has no problems, for any output', async () => {
  expect(await runProgram("process.stdout.write('all is well');")).toEqual([]);
});

test('the output of a failing program is the problem, from both streams and without colours', async () => {
  const source = `
    process.stdout.write('argument ' + process.argv[2] + '\\n');
    process.stderr.write('\\u001b[31mred\\u001b[39m\\n');
    process.exitCode = 3;`;
  const problems = await runProgram(source);
  expect([...problems].sort()).toEqual([
    'argument one',
    'program.mjs ended with exit code 3; to mend what it can: mend',
    'red',
  ]);
});

test('a program that is killed has failed', async () => {
  const problems = await runProgram("process.kill(process.pid, 'SIGKILL');");
  expect(problems).toEqual(['program.mjs ended with signal SIGKILL; to mend what it can: mend']);
});
