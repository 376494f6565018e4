/** A whole site on disk, with code that runs, as the build and the check read it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatContentProblem } from '@plimsoll/registry/pages';
import { openSearch } from '@plimsoll/registry/search';
import { afterAll, expect, test } from 'vitest';
import { sampleSite } from './sample-site.test-data.ts';
import { readSiteContent } from './site-content.ts';
import { searchIndexTexts } from './site-search.ts';

const roots: string[] = [];
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true });
});

const docs = 'apps/atlas/src/content/docs';
const soundCode: Readonly<Record<string, string>> = {
  [`${docs}/systems/memory/numbers.ts`]:
    "export default () => ({ 'kv-per-token': { text: '131,072 bytes', derivation: '2 x 32 x 8 x 128 x 2' } });",
  [`${docs}/tutorials/memory-wall/cells/sweep.ts`]:
    'export const inputs = {}; export const compute = () => ({ columns: [], rows: [] });',
  [`${docs}/tutorials/memory-wall/exercises.ts`]:
    "export default () => ({ 'how-many': { kind: 'number', value: 4, tolerance: 0, unit: 'users' } });",
};

/** Writes the sample site, with these files in place of its own, and gives its root. */
function siteOnDisk(files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'plimsoll-site-'));
  roots.push(root);
  const { records, pages } = sampleSite();
  const all: Record<string, unknown> = {
    'packages/registry/data/model-index.json': { rows: [], ambiguous: {} },
    'packages/registry/data/hardware-index.json': {
      rows: [{ id: 'h100-sxm-80gb', name: 'NVIDIA H100', keys: ['h100'] }],
      ambiguous: {},
    },
    'apps/atlas/src/content/messages/en.json': {
      interface: {},
      tags: { 'tag.capacity': { label: 'Room', description: 'How much fits.' } },
    },
    'apps/atlas/src/content/island-messages/en.json': {},
  };
  for (const [path, record] of Object.entries(records)) all[`packages/registry/data/${path}`] = record;
  for (const [path, file] of Object.entries(pages)) all[`${docs}/${path}`] = file;
  for (const [path, text] of Object.entries({ ...all, ...soundCode, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), typeof text === 'string' ? text : JSON.stringify(text));
  }
  return root;
}

test('a sound site has no problems, and its numbers', async () => {
  const { problems, numbers, tagLabels } = await readSiteContent(siteOnDisk());
  expect(problems.map(formatContentProblem)).toEqual([]);
  expect(numbers.get('system.memory')?.['kv-per-token']?.text).toBe('131,072 bytes');
  expect(tagLabels.get('en')?.get('tag.capacity')).toBe('Room');
});

test('code that fails is told with its file', async () => {
  const root = siteOnDisk({
    [`${docs}/systems/memory/numbers.ts`]: "throw new Error('no such model: llama-9');",
    [`${docs}/tutorials/memory-wall/cells/sweep.ts`]:
      "export const inputs = {}; export const compute = () => { throw new Error('no bandwidth'); };",
  });
  const { problems } = await readSiteContent(root);
  expect(problems.map(formatContentProblem)).toEqual([
    `${docs}/systems/memory/numbers.ts: computes nothing: no such model: llama-9`,
    `${docs}/tutorials/memory-wall/cells/sweep.ts: computes nothing: no bandwidth`,
  ]);
});

test('keys that a locale lacks are counted, not refused', async () => {
  const german = JSON.stringify({ title: 'Speicher', summary: ['Gewichte und Cache.'] });
  const root = siteOnDisk({ [`${docs}/systems/memory/messages/de.json`]: german });
  const { problems, untranslatedCounts } = await readSiteContent(root);
  expect(problems).toEqual([]);
  expect([...untranslatedCounts]).toEqual([['de', 13]]);
});

test('every locale has its index, in its words and with its numbers', async () => {
  const growth = {
    title: 'Wachstum',
    body: ['Ein Token braucht {kv-per-token} [@kwon-2023-pagedattention].'],
  };
  const german = JSON.stringify({
    title: 'Speicher',
    summary: ['*Gewichte* und Cache.'],
    sections: { growth },
  });
  const root = siteOnDisk({ [`${docs}/systems/memory/messages/de.json`]: german });
  const indexes = searchIndexTexts(await readSiteContent(root), []);
  expect([...indexes.keys()]).toEqual(['de', 'en']);
  const search = openSearch(indexes.get('de') ?? '');
  expect(search.search('wachstum').map(({ id, title }) => [id, title])).toEqual([
    ['system.memory', 'Speicher'],
  ]);
  expect(search.document('system.memory')).toEqual({
    title: 'Speicher',
    summary: ['Gewichte und Cache.'],
    facts: ['Ein Token braucht 131,072 bytes.'],
  });
  // A page without words of its own is found by the English ones.
  expect(search.search('wall')[0]?.id).toBe('tutorial.memory-wall');
});
