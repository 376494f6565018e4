import { expect, test } from 'vitest';
import { faces } from './faces.ts';
import { projectFromFiles } from './project.ts';

const manifest = JSON.stringify({ name: '@plimsoll/a', exports: { '.': './src/index.ts' } });
const many = Array.from({ length: 21 }, (_, index) => `n${index}`);

const problems = async (files: Readonly<Record<string, string>>): Promise<readonly string[]> =>
  faces.run(projectFromFiles({ 'packages/a/package.json': manifest, ...files }));

test('a source, a page or an example must import each name of a face', async () => {
  const files = {
    'packages/a/src/index.ts': 'export const used = 1, shown = 2, told = 3, idle = 4;\nexport type Idle = 1;',
    'apps/b.ts': "import { used } from '@plimsoll/a';",
    'apps/c.astro': "---\nimport { type shown } from '@plimsoll/a';\n---",
    'README.md': "```ts\nimport { told as said } from '@plimsoll/a';\n```",
  };
  expect(await problems(files)).toEqual(['@plimsoll/a exports what nobody imports: idle, Idle']);
  const ratchet = JSON.stringify({ '@plimsoll/a': { names: 20, idle: 2 } });
  expect(await problems({ ...files, 'tools/check/face-ratchet.json': ratchet })).toEqual([]);
});

test('a face has few names, each exported by name', async () => {
  const files = {
    'packages/a/src/index.ts': `export const ${many.map((name) => `${name} = 1`).join(', ')};`,
    'apps/b.ts': `import { ${many.join(', ')} } from '@plimsoll/a';`,
  };
  expect(await problems(files)).toEqual([
    '@plimsoll/a has 21 names, the limit is 20: put some behind a subpath',
  ]);
  expect(await problems({ 'packages/a/src/index.ts': "export * from './other.ts';" })).toEqual([
    '@plimsoll/a exports all of another file: name what it exports',
  ]);
});

test('the numbers of the list only shrink', async () => {
  const ratchet = JSON.stringify({
    '@plimsoll/a': { names: 30, idle: 0 },
    '@plimsoll/gone': { names: 30, idle: 0 },
  });
  const files = {
    'packages/a/src/index.ts': 'export const used = 1;',
    'apps/b.ts': "import { used } from '@plimsoll/a';",
    'tools/check/face-ratchet.json': ratchet,
  };
  expect(await problems(files)).toEqual([
    '@plimsoll/a has shrunk to 1 names, 0 idle: lower its entry in tools/check/face-ratchet.json',
    'tools/check/face-ratchet.json names @plimsoll/gone, which is gone: remove its entry',
  ]);
});
