import { expect, test } from 'vitest';
import { lockFile } from './lock-file.ts';
import { projectFromFiles } from './project.ts';

const root = { name: 'root', devDependencies: { linter: '^2.0.0' } };
const engine = { name: 'engine', dependencies: { parser: '1.0.0' } };

/** The problems of a project with one workspace whose lock lists the given packages besides its own. */
function problems(packages: object) {
  const lock = { lockfileVersion: 3, packages: { '': root, 'packages/engine': engine, ...packages } };
  return lockFile.run(
    projectFromFiles({
      'package.json': JSON.stringify(root),
      'packages/engine/package.json': JSON.stringify(engine),
      'package-lock.json': JSON.stringify(lock),
    }),
  );
}

test('a complete lock is accepted, nested packages and unused development tools included', () => {
  const complete = {
    'node_modules/linter': {
      optionalDependencies: { 'linter-linux': '2.0.0' },
      devDependencies: { absent: '1' },
    },
    'node_modules/linter-linux': {},
    'packages/engine/node_modules/parser': { dependencies: { lexer: '1.0.0' } },
    'packages/engine/node_modules/parser/node_modules/lexer': {},
  };
  expect(problems(complete)).toEqual([]);
});

test('a package that the lock lacks is named, even an optional package for another system', () => {
  const incomplete = {
    'node_modules/linter': { optionalDependencies: { 'linter-darwin': '2.0.0' } },
    'node_modules/other/node_modules/parser': {},
  };
  expect(problems(incomplete)).toMatchInlineSnapshot(`
    [
      "package-lock.json lacks parser, which packages/engine names: npm ci refuses to install",
      "package-lock.json lacks linter-darwin, which node_modules/linter names: npm ci refuses to install",
    ]
  `);
});

test('a lock that contradicts a package.json is stale', () => {
  const stale = {
    'packages/engine': { dependencies: { parser: '2.0.0' } },
    'node_modules/linter': {},
    'node_modules/parser': {},
  };
  expect(problems(stale)).toEqual([
    'package-lock.json does not say what packages/engine/package.json says: run npm install',
  ]);
});

test('a lock of another kind is a typed error', () => {
  const project = projectFromFiles({ 'package-lock.json': '{"lockfileVersion": 1}' });
  expect(() => lockFile.run(project)).toThrow('has no list of packages');
});
