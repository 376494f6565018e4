/** Tests search: readers' queries against the shipped index, and the ranking rules against a small index. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameKey } from '../name-key.ts';
import { dataDirectory } from '../node-registry.ts';
import { searchIndexText } from './index-text.ts';
import { openSearch } from './search.ts';
import { earlyPages, firstPages, unanswered } from './search-cases.test-data.ts';
import { type SearchDocument, searchIndexPath } from './search-document.ts';

const shipped = openSearch(readFileSync(`${dataDirectory}/${searchIndexPath()}`, 'utf8'));

function found(query: string, count: number): readonly string[] {
  return shipped.search(query, count).map(({ id }) => id);
}

describe('the shipped index', () => {
  test.each(['memory', 'serving memory', 'weight residency', 'KV cache growth', 'memory bandwidth'])(
    'finds the page on memory first by "%s"',
    (query) => {
      expect(shipped.search(query)[0]).toMatchObject({
        id: 'system.memory',
        route: '/docs/systems/memory',
        title: 'Memory',
      });
    },
  );

  test('a name that two kinds of page have finds both, the one that explains most first', () => {
    expect(found('memory bandwidth', 2)).toEqual(['system.memory', 'glossary.memory-bandwidth']);
  });

  test.each(Object.entries(firstPages))('"%s" finds %s first', (query, id) => {
    expect(found(query, 3)[0], `found ${found(query, 3).join(', ')}`).toBe(id);
  });

  test.each(Object.entries(earlyPages))('"%s" finds %s among the first three', (query, id) => {
    expect(found(query, 3)).toContain(id);
  });

  test.each(unanswered)('"%s" finds nothing', (query) => {
    expect(found(query, 3)).toEqual([]);
  });

  test('a query that finds nothing is told the nearest words', () => {
    expect(shipped.nearestWords('fragmmenttion')[0]).toBe('fragmentation');
    expect(shipped.nearestWords('how to do pipeline parallelism')[0]).toBe('parallelism');
    expect(shipped.nearestWords('what is the')).toEqual([]);
  });

  test('copies of a model come behind it and what was made of it', () => {
    const order = found('llama 3.1 8b', 20);
    const copies = order.flatMap((id, place) => (/-quantized|bnb/.test(id) ? [place] : []));
    const instruct = order.indexOf('model.meta-llama/Llama-3.1-8B-Instruct');
    expect(copies.length).toBeGreaterThan(1);
    expect(Math.min(...copies)).toBeGreaterThan(instruct);
    expect(found('qwen3 32b', 2)).toEqual(['model.Qwen/Qwen3-32B', 'model.Qwen/Qwen3-32B-FP8']);
  });

  test('every page, model and device is found by its own title', () => {
    const ids = readIds();
    const missed = ids.filter((id) => {
      const title = shipped.document(id)?.title ?? '';
      return !found(title, 3).includes(id);
    });
    expect(missed).toEqual([]);
  });

  test('any text is answered, with results in order', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const scores = shipped.search(text).map(({ score }) => score);
        expect(scores).toEqual(scores.toSorted((left, right) => right - left));
        for (const word of shipped.nearestWords(text)) expect(word).not.toBe('');
      }),
    );
    expect(shipped.search('__proto__ constructor toString')).toBeInstanceOf(Array);
  });
});

function readIds(): readonly string[] {
  const index: { documentIds: Record<string, string> } = JSON.parse(
    readFileSync(`${dataDirectory}/${searchIndexPath()}`, 'utf8'),
  );
  return Object.values(index.documentIds);
}

describe('ranking', () => {
  const page = (
    id: string,
    names: readonly string[],
    more: Partial<SearchDocument> = {},
  ): SearchDocument => ({
    id,
    title: names[0] ?? '',
    keys: names.map(nameKey),
    names,
    tags: [],
    headings: [],
    summary: [],
    facts: [],
    text: '',
    ...more,
  });
  const search = openSearch(
    searchIndexText([
      page('glossary.block', ['Block'], { summary: ['A block is a piece.'] }),
      page('system.pool', ['Block pool'], { headings: ['Block'], text: 'block '.repeat(50) }),
      page('system.paging', ['Paging', 'block'], { text: 'Nothing else.' }),
      page('tutorial.stones', ['Stones'], { text: 'A block of stone, polished or not.' }),
      page('glossary.stone', ['Stone wall'], { summary: ['Stones again.'] }),
    ]),
  );
  const ids = (query: string): readonly string[] => search.search(query).map(({ id }) => id);

  test('a whole name wins over any number of mentions, a system over a definition', () => {
    expect(ids('block')).toEqual(['system.paging', 'glossary.block', 'system.pool', 'tutorial.stones']);
    expect(ids('BLOCK-pool')[0]).toBe('system.pool');
  });

  test('the beginning of a name and a typo find it', () => {
    expect(ids('blockp')).toContain('system.pool');
    expect(ids('stonnes')).toContain('tutorial.stones');
    expect(ids('what is the stone for?')[0]).toBe('glossary.stone');
  });

  test('a typo is looked for among names, not in running text', () => {
    expect(ids('polished')).toEqual(['tutorial.stones']);
    expect(ids('polishd')).toEqual([]);
  });

  test('a typo keeps its first letter and its digits', () => {
    const near = openSearch(searchIndexText([page('hardware.mi350x', ['MI350X'], { keys: ['mi350x'] })]));
    expect(near.search('mi350x')).toHaveLength(1);
    expect(near.search('mi300x')).toEqual([]);
    expect(ids('ptones')).toEqual([]);
  });

  test('what many look for comes before what fits as well, and a copy behind it', () => {
    const weighed = openSearch(
      searchIndexText([
        page('model.a/slate-1', ['slate one'], { weight: 0.6 }),
        page('model.b/slate-2', ['slate two']),
        page('model.c/slate-3', ['slate three'], { weight: 1.5 }),
      ]),
    );
    expect(weighed.search('slate').map(({ id }) => id)).toEqual([
      'model.c/slate-3',
      'model.b/slate-2',
      'model.a/slate-1',
    ]);
    expect(weighed.document('model.c/slate-3')).not.toHaveProperty('weight');
  });

  test('half of a query is enough where it is a name, and not where it is mentioned', () => {
    expect(ids('block quarry')).toEqual(['glossary.block', 'system.paging']);
    expect(ids('piece quarry')).toEqual([]);
    expect(ids('block quarry crane')).toEqual([]);
  });

  test('a word of everybody beside one that no page knows is no name', () => {
    const everyday = openSearch(
      searchIndexText([
        page('system.mill', ['Stone mill', 'mill', 'SAG'], { keys: ['mill', 'sag'], everyday: ['mill'] }),
        page('glossary.grist', ['Grist'], { keys: ['grist'] }),
      ]),
    );
    expect(everyday.search('paper mill')).toEqual([]);
    expect(everyday.search('mill')).toHaveLength(1);
    expect(everyday.search('grist mill').map(({ id }) => id)).toContain('system.mill');
    expect(everyday.search('sag paper').map(({ id }) => id)).toEqual(['system.mill']);
  });

  test('the same documents in another order make the same index', () => {
    const documents = [page('system.a', ['A one']), page('system.b', ['B two one'])];
    expect(searchIndexText(documents.toReversed())).toBe(searchIndexText(documents));
  });

  test('what is kept of a document comes back as it was', () => {
    expect(search.document('glossary.block')).toEqual({
      title: 'Block',
      summary: ['A block is a piece.'],
      facts: [],
    });
    expect(search.document('glossary.nothing')).toBeUndefined();
  });
});
