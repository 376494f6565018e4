import { expect, test } from 'vitest';
import { projectFromFiles } from './project.ts';
import { sourceFacts } from './source-syntax.ts';

test('finds every form of import, and none inside comments or strings', async () => {
  const project = projectFromFiles({
    'forms.ts': `
import './side-effect.ts';
import { value, type Kind } from './value.ts';
import type { Shape } from './shape.ts';
export { other } from './other.ts';
export type * from './types.ts';
// import './comment.ts';
const text = "import './string.ts'";
const lazy = await import('./lazy.ts');
let typed: import('./inline.ts').Inline;
`,
  });
  const [facts] = await sourceFacts(project);
  expect(
    facts?.imports.map((found) => `${found.line} ${found.specifier} ${found.typeOnly ? 'type' : 'value'}`),
  ).toMatchInlineSnapshot(`
    [
      "2 ./side-effect.ts value",
      "3 ./value.ts value",
      "4 ./shape.ts type",
      "5 ./other.ts value",
      "6 ./types.ts type",
      "9 ./lazy.ts value",
      "10 ./inline.ts type",
    ]
  `);
});

test('lists the imported and exported names of a module', async () => {
  const project = projectFromFiles({
    'names.ts': `
import first, { second as renamed, type Third } from './in.ts';
import * as all from './all.ts';
import './nothing.ts';
export { fourth as fifth, type Sixth } from './through.ts';
export * from './every.ts';
const { seventh, eighth: ninth } = await import('./lazy.ts');
const tenth = (await import('./property.ts')).eleventh;
let shape: import('./inline.ts').Twelfth;
export const { a, b: c } = all, d = 'a text';
export function e() {}
export default class F {}
export type { G } from './types.ts';
export interface H {}
`,
  });
  const [facts] = await sourceFacts(project);
  expect(
    facts?.imports.map(({ specifier, names }) => `${specifier} ${names.join(' ')}`),
  ).toMatchInlineSnapshot(`
      [
        "./in.ts default second Third",
        "./all.ts *",
        "./nothing.ts ",
        "./through.ts fourth Sixth",
        "./every.ts *",
        "./lazy.ts seventh eighth",
        "./property.ts eleventh",
        "./inline.ts Twelfth",
        "./types.ts G",
      ]
    `);
  expect(facts?.exports.join(' ')).toMatchInlineSnapshot(`"fifth Sixth * a c d e F G H"`);
  expect(facts?.texts.map(({ text }) => text)).toContain('a text');
});

test('measures functions of every form, without the text inside template literals', async () => {
  const project = projectFromFiles({
    'forms.ts': `
/** The comment is not counted. */
export function declared(this: Window, first: number, second = 2): number {
  return first + second;
}
const arrow = (a, b, c, d, e) => a;
class Thing {
  constructor(private first) {}
  method(...rest) {
    return \`one
two \${rest.map((item) => \`inner
text \${item}\`)}
three\`;
  }
}
const table = {
  entry: function () {
    return 1;
  },
};
describe('a suite', () => {
  test('a test', () => {
  });
});
declare function withoutBody(a, b, c, d, e): void;
`,
  });
  const [facts] = await sourceFacts(project);
  const rows = facts?.functions.map(
    (found) =>
      `${found.line} ${found.name}: ${found.lineCount} lines, ${found.parameterCount} parameters${found.isTestSuite ? ', suite' : ''}`,
  );
  expect(rows).toMatchInlineSnapshot(`
    [
      "3 declared: 3 lines, 2 parameters",
      "6 arrow: 1 lines, 5 parameters",
      "8 constructor: 1 lines, 1 parameters",
      "9 method: 3 lines, 1 parameters",
      "11 function passed to rest.map: 1 lines, 1 parameters",
      "17 entry: 3 lines, 0 parameters",
      "21 function passed to describe: 4 lines, 0 parameters, suite",
      "22 function passed to test: 2 lines, 0 parameters",
    ]
  `);
});

test('a source that does not parse still gives the facts that can be read', async () => {
  const project = projectFromFiles({ 'broken.js': "import './a.ts';\nfunction broken( {\n" });
  const [facts] = await sourceFacts(project);
  expect(facts?.imports).toEqual([{ specifier: './a.ts', names: [], line: 1, typeOnly: false }]);
});

test('a project without sources has no facts', async () => {
  expect(await sourceFacts(projectFromFiles({ 'README.md': '' }))).toEqual([]);
});
