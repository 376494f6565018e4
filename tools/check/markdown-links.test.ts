import { expect, test } from 'vitest';
import { markdownLinks } from './markdown-links.ts';
import { projectFromFiles } from './project.ts';

test('links to missing files and headings are refused', () => {
  const project = projectFromFiles({
    'README.md': [
      '# Title',
      '[gone](docs/gone.md) and [fine](docs/guide.md)',
      '![picture](docs/picture.svg "a title")',
      '<a href="docs/other.md">html</a>',
      '[reference]: ./missing.md',
      '[no heading](docs/guide.md#nothing)',
      '[here](#absent)',
    ].join('\n'),
    'docs/guide.md': '# Guide\n[up and out](../../elsewhere.md)\n',
  });
  expect(markdownLinks.run(project)).toMatchInlineSnapshot(`
    [
      "README.md:2 docs/gone.md leads to no file of the repository",
      "README.md:3 docs/picture.svg leads to no file of the repository",
      "README.md:4 docs/other.md leads to no file of the repository",
      "README.md:5 ./missing.md leads to no file of the repository",
      "README.md:6 docs/guide.md#nothing names no heading of docs/guide.md",
      "README.md:7 #absent names no heading of README.md",
      "docs/guide.md:2 ../../elsewhere.md leads to no file of the repository",
    ]
  `);
});

test('files, folders, headings, web addresses and examples in code are accepted', () => {
  const project = projectFromFiles({
    'README.md': [
      '[file](LICENSE) [folder](docs/) [root](/docs/guide.md) [web](https://example.com/x#y) [mail](mailto:a@b.c)',
      '[plain](docs/guide.md#plain-heading) [code](docs/guide.md#plimsoll-plan---json)',
      '[second](docs/guide.md#twice-1) [id](docs/guide.md#by-hand) [line](tools/check.ts#L3)',
      '`[example](nowhere.md)`',
      '```md',
      '[example](nowhere.md)',
      '```',
    ].join('\n'),
    'docs/guide.md': [
      '## Plain *heading*!',
      '## `plimsoll plan` (`--json`)',
      '## Twice',
      '## Twice',
      '<a id="by-hand"></a>',
    ].join('\n'),
    LICENSE: '',
    'tools/check.ts': '',
  });
  expect(markdownLinks.run(project)).toEqual([]);
});
