import { expect, test } from 'vitest';
import { importArrows, importersOf } from './import-arrows.ts';
import { projectFromFiles } from './project.ts';

function manifest(name: string, dependencies: readonly string[] = []): string {
  return JSON.stringify({
    name,
    dependencies: Object.fromEntries(dependencies.map((name) => [name, '1.0.0'])),
  });
}

const sound = {
  'package.json': JSON.stringify({ name: 'root', devDependencies: { vitest: '1.0.0' } }),
  'packages/foundation/package.json': manifest('@plimsoll/foundation'),
  'packages/foundation/src/index.ts': "import { readFileSync } from 'node:fs';",
  'packages/registry/package.json': manifest('@plimsoll/registry', ['@plimsoll/foundation', 'zod']),
  'packages/registry/src/index.ts': "import '@plimsoll/foundation';\nimport { z } from 'zod/v4';",
  'packages/registry/src/index.test.ts': "import { test } from 'vitest';",
  'apps/plimsoll/package.json': manifest('plimsoll', ['@plimsoll/registry']),
  'apps/plimsoll/src/main.ts': "import '@plimsoll/registry';\nimport './other.ts';",
  'tools/build.ts': "import '../packages/registry/src/index.ts';",
};

test('a sound workspace has no problems', async () => {
  expect(await importArrows.run(projectFromFiles(sound))).toEqual([]);
});

test('imports against the arrows, across packages by path and without a declared dependency are refused', async () => {
  const project = projectFromFiles({
    ...sound,
    'packages/foundation/src/upward.ts': "import type { Registry } from '@plimsoll/registry';",
    'packages/registry/src/sideways.ts':
      "import '../../foundation/src/index.ts';\nimport '@plimsoll/registry';",
    'packages/registry/src/app.ts': "const lazy = import('plimsoll');",
    'packages/registry/src/virtual.ts': "import 'astro:content';",
    'packages/registry/src/undeclared.ts': "import 'yaml';\nimport { test } from 'vitest';",
  });
  expect(await importArrows.run(project)).toMatchInlineSnapshot(`
    [
      "packages/foundation/src/upward.ts:1 imports @plimsoll/registry: the arrows allow only planner, apps to import it",
      "packages/registry/src/app.ts:1 imports plimsoll: nothing imports an app",
      "packages/registry/src/sideways.ts:1 imports ../../foundation/src/index.ts, which is outside packages/registry: import another package by its name",
      "packages/registry/src/sideways.ts:2 imports its own package @plimsoll/registry: use a relative path",
      "packages/registry/src/undeclared.ts:1 imports yaml, which the dependencies of packages/registry/package.json do not name",
      "packages/registry/src/undeclared.ts:2 imports vitest, which the dependencies of packages/registry/package.json do not name",
      "packages/registry/src/virtual.ts:1 imports astro, which the dependencies of packages/registry/package.json do not name",
    ]
  `);
});

test('a package.json that names a forbidden or an unused package is refused', async () => {
  const project = projectFromFiles({
    ...sound,
    'packages/foundation/package.json': manifest('@plimsoll/foundation', ['@plimsoll/registry']),
    'packages/kernels/package.json': manifest('@plimsoll/kernels', ['@plimsoll/foundation']),
  });
  expect(await importArrows.run(project)).toMatchInlineSnapshot(`
    [
      "packages/foundation/package.json names @plimsoll/registry: the arrows allow only planner, apps to import it",
      "packages/kernels/package.json names @plimsoll/foundation, which no source of it imports",
    ]
  `);
});

test('the arrows themselves have no cycle', () => {
  // Repeatedly removing packages that no remaining package imports must remove all of them.
  let left = Object.keys(importersOf);
  while (left.length > 0) {
    const free = left.filter((name) => left.every((other) => other === name || !imports(other, name)));
    expect(free, `a cycle among ${left.join(', ')}`).not.toEqual([]);
    left = left.filter((name) => !free.includes(name));
  }
});

/** Returns true if the list lets `from` import `to`. Every package may import foundation, which imports no package. */
function imports(from: string, to: string): boolean {
  return from !== 'foundation' && (to === 'foundation' || (importersOf[to] ?? []).includes(from));
}
