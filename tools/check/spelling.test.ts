import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { projectFromFiles } from './project.ts';
import { spelling } from './spelling.ts';

const root = mkdtempSync(join(tmpdir(), 'plimsoll-spelling-'));
afterAll(() => rmSync(root, { recursive: true }));

const page = 'apps/atlas/src/content/docs/glossary/cache';

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

test('an unknown word is reported with its place and the nearest known word', async () => {
  write(`${page}/page.mdx`, '---\nrecord: glossary.cache\n---\n<Summary />\n<Section id="a" />\n');
  write(
    `${page}/messages/en.json`,
    JSON.stringify({
      title: 'Cache',
      description: 'What a sever keeps.',
      summary: ['Prefill fills the *cahce* of `unseen-code`, and the vLLM-like 8B model’s weights: {numbr}.'],
      sections: { a: { title: 'A', body: ['Fine.'] } },
      related: {},
    }),
  );
  write(
    'apps/atlas/src/content/messages/en.json',
    JSON.stringify({ menu: { all: 'All {countShown} entriess' } }),
  );
  write('tools/check/spelling-words.txt', 'prefill\nvLLM\nunused\n');
  const paths = ['apps/atlas/src/content/messages/en.json', 'tools/check/spelling-words.txt'];
  const files = paths.map((path) => [path, readFileSync(join(root, path), 'utf8')]);
  const remarks: string[] = [];
  const project = { ...projectFromFiles(Object.fromEntries(files)), root };
  const problems = await spelling.run(project, (remark) => remarks.push(remark));
  expect({ problems, remarks }).toMatchInlineSnapshot(`
    {
      "problems": [
        "tools/check/spelling-words.txt: "unused" is out of order or doubled",
        "apps/atlas/src/content/docs/glossary/cache/messages/en.json: summary[0]: "cahce" is in no dictionary; nearest: "cache"; a right word goes to tools/check/spelling-words.txt",
        "apps/atlas/src/content/messages/en.json: menu.all: "entriess" is in no dictionary; nearest: "entries"; a right word goes to tools/check/spelling-words.txt",
      ],
      "remarks": [
        "tools/check/spelling-words.txt has words that no text uses: unused",
      ],
    }
  `);
});
