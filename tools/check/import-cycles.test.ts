import { expect, test } from 'vitest';
import { importCycles } from './import-cycles.ts';
import { projectFromFiles } from './project.ts';

test('a cycle of three files is named once, in order', async () => {
  const project = projectFromFiles({
    'src/a.ts': "import './b.ts';\nimport './leaf.ts';",
    'src/b.ts': "export * from './deep/c.ts';",
    'src/deep/c.ts': "const lazy = import('../a.ts');",
    'src/leaf.ts': '',
    'src/outside.ts': "import './a.ts';",
  });
  expect(await importCycles.run(project)).toMatchInlineSnapshot(`
    [
      "src/a.ts -> src/b.ts -> src/deep/c.ts -> src/a.ts is a cycle: move what both need into a file of its own",
    ]
  `);
});

test('a file that imports itself is a cycle', async () => {
  const problems = await importCycles.run(projectFromFiles({ 'a.ts': "import { a } from './a.ts';" }));
  expect(problems).toHaveLength(1);
});

test('files that import types from each other are a cycle', async () => {
  const project = projectFromFiles({
    'a.ts': "import type { B } from './b.ts';",
    'b.ts': "import { a } from './a.ts';",
  });
  expect(await importCycles.run(project)).toHaveLength(1);
});

test('two ways to the same file are no cycle', async () => {
  const project = projectFromFiles({
    'top.ts': "import './left.ts';\nimport './right.ts';",
    'left.ts': "import './bottom.ts';",
    'right.ts': "import './bottom.ts';",
    'bottom.ts': '',
  });
  expect(await importCycles.run(project)).toEqual([]);
});
