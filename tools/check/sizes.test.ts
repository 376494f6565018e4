import { expect, test } from 'vitest';
import { projectFromFiles } from './project.ts';
import { fileSizes, functionSizes } from './sizes.ts';

const ratchetPath = 'tools/check/size-ratchet.json';

function lines(count: number): string {
  return 'const a = 1;\n'.repeat(count);
}

function sizes(files: Readonly<Record<string, string>>, before: Readonly<Record<string, string>> = {}) {
  return fileSizes.run(projectFromFiles(files, before));
}

test('files over 400 lines are refused, generated tables and fixtures are not', () => {
  const problems = sizes({
    'src/fits.ts': lines(400),
    'src/long.ts': lines(401),
    'src/huge.css': lines(601),
    'src/table.data.ts': lines(5000),
    'fixtures/recorded.py': lines(5000),
    'README.md': lines(5000),
  });
  expect(problems).toMatchInlineSnapshot(`
    [
      "src/huge.css has 601 lines, the hard limit is 600: split it",
      "src/long.ts has 401 lines, the limit is 400: split it",
    ]
  `);
});

test('the ratchet keeps a file at its length, asks for lower entries, and never allows more than 600 lines', () => {
  const ratchet = { 'a.ts': 450, 'b.ts': 450, 'c.ts': 450, 'd.ts': 450, 'e.ts': 700, 'gone.ts': 450 };
  const problems = sizes({
    'a.ts': lines(450),
    'b.ts': lines(451),
    'c.ts': lines(449),
    'd.ts': lines(400),
    'e.ts': lines(700),
    [ratchetPath]: JSON.stringify(ratchet),
  });
  expect(problems).toMatchInlineSnapshot(`
    [
      "b.ts has 451 lines, tools/check/size-ratchet.json allows 450: it may only shrink",
      "c.ts has shrunk to 449 lines: lower its entry in tools/check/size-ratchet.json",
      "d.ts is within the limit now: remove its entry from tools/check/size-ratchet.json",
      "e.ts has 700 lines, the hard limit is 600: split it",
      "tools/check/size-ratchet.json names gone.ts, which is gone: remove its entry",
    ]
  `);
});

test('the ratchet itself only shrinks', () => {
  const files = { 'a.ts': lines(450), 'b.ts': lines(450), [ratchetPath]: '{"a.ts": 450, "b.ts": 450}' };
  expect(sizes(files, { [ratchetPath]: '{"a.ts": 460, "b.ts": 450}' })).toEqual([]);
  expect(sizes(files, { [ratchetPath]: '{"a.ts": 440}' })).toMatchInlineSnapshot(`
    [
      "tools/check/size-ratchet.json: the entry for a.ts is new or has grown, it may only shrink",
      "tools/check/size-ratchet.json: the entry for b.ts is new or has grown, it may only shrink",
    ]
  `);
});

test('functions over 70 lines or 4 parameters are refused, except suites of tests', async () => {
  const body = lines(68);
  const problems = await functionSizes.run(
    projectFromFiles({
      'fits.ts': `function fits(a, b, c, d) {\n${body}}\n`,
      'long.ts': `\nconst long = () => {\n${body}${body}};\n`,
      'wide.ts': 'class Wide {\n  method(a, b, c, d, e) {}\n}\n',
      'packages/kernels/assembly/dot.ts': 'export function dot(a, b, c, d, e) {}\n',
      'a.test.ts': `describe('suite', () => {\n${body}${body}});\n`,
    }),
  );
  expect(problems).toMatchInlineSnapshot(`
    [
      "long.ts:2 long has 138 lines, the limit is 70: split it",
      "wide.ts:2 method has 5 positional parameters, the limit is 4: pass an options object",
    ]
  `);
});
