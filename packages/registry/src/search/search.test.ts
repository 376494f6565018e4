/** Finding pages: by the shipped index what readers type, and by a small index the rules of ranking. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nameKey } from '../name-key.ts';
import { dataDirectory } from '../node-registry.ts';
import { searchIndexText } from './index-text.ts';
import { openSearch } from './search.ts';
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

  test.each([
    ['out of memory', 'system.memory'],
    ['VRAM', 'system.memory'],
    ['kv cache', 'glossary.kv-cache'],
    ['KV-Cache', 'glossary.kv-cache'],
    ['paged attention', 'glossary.paged-attention'],
    ['PagedAttention', 'glossary.paged-attention'],
    ['paged atention', 'glossary.paged-attention'],
    ['fragmentaton', 'glossary.fragmentation'],
    ['ttft', 'glossary.time-to-first-token'],
    ['GQA', 'glossary.grouped-query-attention'],
    ['MLA', 'glossary.multi-head-latent-attention'],
    ['draft model', 'system.speculative-decoding'],
    ['acceptance', 'glossary.acceptance-length'],
    ['continuous batch', 'system.continuous-batching'],
    ['queue', 'system.request-scheduling'],
    ['load balancer', 'system.routing'],
    ['disk', 'system.on-disk-kv-cache'],
    ['disaggregation', 'system.prefill-decode-disaggregation'],
    ['roofline', 'glossary.arithmetic-intensity'],
    ['int4', 'glossary.quantization'],
    ['quantisation', 'glossary.quantization'],
    ['memory wall', 'tutorial.memory-wall'],
    ['hidden tax', 'tutorial.kv-cache-hidden-tax'],
    ['h100', 'hardware.h100-sxm-80gb'],
    ['RTX 4090', 'hardware.rtx-4090'],
    ['m3 max 128gb', 'hardware.apple-m3-max-40-core-128gb'],
    ['llama-3.1-8b', 'model.meta-llama/Llama-3.1-8B'],
    ['gpt-oss', 'model.openai/gpt-oss-20b'],
  ])('"%s" finds %s first', (query, id) => {
    expect(found(query, 3)[0], `found ${found(query, 3).join(', ')}`).toBe(id);
  });

  test('a question finds what answers it', () => {
    expect(found('how many users', 1)).toEqual(['system.deployment']);
    expect(found('how many users fit on my GPU?', 3)).toContain('system.deployment');
    expect(found('why is my GPU full', 1)).toEqual(['system.memory']);
  });

  test('a word that nothing is near to finds nothing, and is told what is nearest', () => {
    expect(['zzyzzx', 'capital of France', 'weather'].flatMap((query) => found(query, 1))).toEqual([]);
    expect(shipped.nearestWords('fragmmenttion')[0]).toBe('fragmentation');
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
      page('tutorial.stones', ['Stones'], { text: 'A block of stone, whether cut or not.' }),
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
    expect(ids('whether')).toEqual(['tutorial.stones']);
    expect(ids('wheter')).toEqual([]);
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
