import { expect, test } from 'vitest';
import { packageScripts } from './package-scripts.ts';
import { projectFromFiles } from './project.ts';

function manifest(scriptCount: number): string {
  const scripts = Object.fromEntries(
    Array.from({ length: scriptCount }, (_, index) => [`task-${index}`, 'true']),
  );
  return JSON.stringify({ name: 'some-package', scripts });
}

test('the root may have eight scripts, a package may have none', () => {
  const project = projectFromFiles({
    'package.json': manifest(8),
    'packages/a/package.json': manifest(0),
    'packages/b/package.json': '{"name": "b"}',
  });
  expect(packageScripts.run(project)).toEqual([]);
});

test('more scripts are refused', () => {
  const project = projectFromFiles({ 'package.json': manifest(9), 'apps/site/package.json': manifest(1) });
  expect(packageScripts.run(project)).toMatchInlineSnapshot(`
    [
      "apps/site/package.json has 1 scripts, the limit is 0: make it an argument of a tool",
      "package.json has 9 scripts, the limit is 8: make it an argument of a tool",
    ]
  `);
});

test('a malformed package.json is a typed error', () => {
  const project = projectFromFiles({ 'package.json': '{"scripts": ["test"]}' });
  expect(() => packageScripts.run(project)).toThrow('scripts is not a table of texts');
});
