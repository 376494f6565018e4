import { expect, test } from 'vitest';
import { generatedFileCheck } from './generated-files.ts';
import { projectFromFiles } from './project.ts';

const check = generatedFileCheck([
  { command: 'node tools/build-index.ts', make: async () => new Map([['index.json', '["a","b"]\n']]) },
]);

test('a file that equals the output of its tool is accepted', async () => {
  expect(await check.run(projectFromFiles({ 'index.json': '["a","b"]\n' }))).toEqual([]);
});

test('a stale and a missing file are refused with the command to run', async () => {
  const problem = 'index.json is not what its sources give: run node tools/build-index.ts';
  expect(await check.run(projectFromFiles({ 'index.json': '["a"]\n' }))).toEqual([problem]);
  expect(await check.run(projectFromFiles({}))).toEqual([problem]);
});
