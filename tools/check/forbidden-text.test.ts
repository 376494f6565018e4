import { expect, test } from 'vitest';
import { fileNames, forbiddenWords } from './forbidden-text.ts';
import { projectFromFiles } from './project.ts';

// The forbidden words are assembled from parts, so that the check accepts this file.
const machinePath = ['', 'work', 'main', 'notes.md'].join('/');
const unfinished = 'TO' + 'DO';

test('paths of one machine, marks of unfinished work and merge leftovers are refused', async () => {
  const project = projectFromFiles({
    'src/a.ts': `const fine = 1;\nconst path = '${machinePath}';\n// ${unfinished}: later\n`,
    'docs/b.md': `See \`${machinePath}\`.\n${'<'.repeat(7)} HEAD\n`,
    'packages/registry/data/c.json': `{"text": "${unfinished}", "path": "${machinePath}"}`,
  });
  const found = await forbiddenWords.run(project);
  const problems = found.map((problem) => problem.replace(/"[^"]*"/, 'WORD'));
  expect(problems).toMatchInlineSnapshot(`
    [
      "docs/b.md:1 WORD is a path of one machine: make it relative to the repository",
      "docs/b.md:2 WORD is left over from a merge",
      "packages/registry/data/c.json:1 WORD is a path of one machine: make it relative to the repository",
      "src/a.ts:2 WORD is a path of one machine: make it relative to the repository",
      "src/a.ts:3 WORD marks unfinished work: finish it, or write what is missing as a plain sentence in the documentation",
    ]
  `);
});

test('addresses, relative paths and longer words are allowed', () => {
  const project = projectFromFiles({
    'a.md': `https://example.com${machinePath} ./home/ ../root/x $HOME/work/ a${unfinished}`,
    'weights.gguf': `${unfinished} ${machinePath}`,
  });
  expect(forbiddenWords.run(project)).toEqual([]);
});

test('empty names and names that are not in kebab case are refused', () => {
  const project = projectFromFiles({
    'packages/a/src/utils.ts': '',
    'packages/a/src/helpers/parse.ts': '',
    'packages/a/src/common.test.ts': '',
    'docs/phase-3.md': '',
    'packages/a/src/kvCache.ts': '',
    'tools/some_tool.py': '',
    'README.md': '',
    'packages/a/src/kv-cache.test.ts': '',
    'apps/a/src/pages/[slug].astro': '',
    'apps/a/src/pages/[...modelName].astro': '',
    'packages/registry/data/models/Common.json': '',
    '.changeset/README.md': '',
  });
  expect(fileNames.run(project)).toMatchInlineSnapshot(`
    [
      "apps/a/src/pages/[...modelName].astro: "modelName" is not in kebab case",
      "docs/phase-3.md: "phase-3" says nothing: name it by the noun inside",
      "packages/a/src/common.test.ts: "common" says nothing: name it by the noun inside",
      "packages/a/src/helpers/parse.ts: "helpers" says nothing: name it by the noun inside",
      "packages/a/src/kvCache.ts: "kvCache" is not in kebab case",
      "packages/a/src/utils.ts: "utils" says nothing: name it by the noun inside",
      "tools/some_tool.py: "some_tool" is not in kebab case",
    ]
  `);
});
