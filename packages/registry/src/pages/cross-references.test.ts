/** Each test breaks one field in a valid set of records and compares the reported problems. */
import { describe, expect, test } from 'vitest';
import { formatContentProblem } from '../content-problem.ts';
import { type TextFiles, textFilesFrom } from '../text-files.ts';
import { crossReferenceProblems } from './cross-references.ts';
import { readAtlasRecords } from './record-reader.ts';
import { sampleRecords } from './sample-records.test-data.ts';

type Records = ReturnType<typeof sampleRecords>;

function filesOf(records: Readonly<Record<string, unknown>>): TextFiles {
  const texts = Object.entries(records).map(([path, record]) => [
    path,
    typeof record === 'string' ? record : JSON.stringify(record),
  ]);
  return textFilesFrom('packages/registry/data', Object.fromEntries(texts));
}

function problemsOf(records: Readonly<Record<string, unknown>>): readonly string[] {
  const { records: read, problems } = readAtlasRecords(filesOf(records));
  // Cross references are checked only if each record is valid: every reference to an unread file would dangle.
  const found = problems.length > 0 ? problems : crossReferenceProblems(read);
  return found.map(formatContentProblem);
}

/** Returns the problems of the sample records after changing these fields of one record. */
function changed(path: string, fields: Record<string, unknown>): readonly string[] {
  const records: Records = sampleRecords();
  return problemsOf({ ...records, [path]: { ...records[path], ...fields } });
}

test('the records that the others are made from are sound', () => {
  expect(problemsOf(sampleRecords())).toEqual([]);
});

describe('a record by itself', () => {
  test('an unknown key is told with the nearest known one', () => {
    expect(changed('systems/memory.json', { alias: ['memory'] })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/memory.json: alias: unknown key; nearest: "aliases"",
      ]
    `);
    expect(
      changed('graphs/memory-system-flow.json', { edges: [{ from: 'weights', too: 'prefill' }] }),
    ).toMatchInlineSnapshot(`
      [
        "packages/registry/data/graphs/memory-system-flow.json: edges[0].to: is missing",
        "packages/registry/data/graphs/memory-system-flow.json: edges[0].too: unknown key; nearest: "to"",
      ]
    `);
  });

  test('a value outside its list is told with the nearest valid one', () => {
    expect(changed('citations/yu-2022-orca.json', { form: 'papers' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/citations/yu-2022-orca.json: form: "papers" is not allowed; nearest: "paper"",
      ]
    `);
    expect(
      changed('graphs/memory-system-flow.json', {
        edges: [{ from: 'weights', to: 'prefill', kind: 'backward' }],
      }),
    ).toMatchInlineSnapshot(`
      [
        "packages/registry/data/graphs/memory-system-flow.json: edges[0].kind: "backward" is not allowed; nearest: "feedback"",
      ]
    `);
  });

  test('an id is kind and slug, and names its file', () => {
    expect(changed('systems/memory.json', { id: 'system.memori' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/memory.json: id: "system.memori": the id is kind and slug; nearest: "system.memory"",
      ]
    `);
    expect(changed('systems/memory.json', { id: 'Memory' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/memory.json: id: "Memory": an id such as "system.memory"",
        "packages/registry/data/systems/memory.json: id: "Memory": the id is kind and slug; nearest: "system.memory"",
      ]
    `);
    expect(changed('graphs/memory-system-flow.json', { id: 'graph.flow' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/graphs/memory-system-flow.json: id: "graph.flow" does not belong in this file; nearest: "graph.memory-system-flow"",
      ]
    `);
    expect(problemsOf({ ...sampleRecords(), 'tags/notes.txt': '' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/tags/notes.txt: tags holds records: <slug>.json",
      ]
    `);
  });

  test('what is missing, empty, doubled or of another type', () => {
    expect(changed('systems/memory.json', { related: undefined })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/memory.json: related: is missing",
      ]
    `);
    expect(changed('systems/memory.json', { citations: [] })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/memory.json: citations: a page cites a work",
      ]
    `);
    expect(changed('systems/memory.json', { tags: ['tag.capacity', 'tag.capacity'] })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/memory.json: tags: names an entry twice",
      ]
    `);
    expect(changed('citations/yu-2022-orca.json', { year: '2022' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/citations/yu-2022-orca.json: year: "2022": Invalid input: expected number, received string",
      ]
    `);
    expect(changed('citations/yu-2022-orca.json', { url: 'arxiv.org/abs/1' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/citations/yu-2022-orca.json: url: "arxiv.org/abs/1": Invalid URL",
      ]
    `);
  });

  test('a file that is not JSON', () => {
    expect(problemsOf({ ...sampleRecords(), 'tags/speed.json': '{ "id": tag }' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/tags/speed.json: is not JSON: Unexpected token 'a', "{ "id": tag }" is not valid JSON",
      ]
    `);
  });
});

describe('between records', () => {
  test('no id dangles', () => {
    expect(
      changed('systems/memory.json', { related: ['system.batchign', 'glossary.kv-cache'] }),
    ).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/batching.json: related[0]: "system.memory" does not name "system.batching" in turn: add it to packages/registry/data/systems/memory.json",
        "packages/registry/data/systems/memory.json: related[0]: "system.batchign" is no page; nearest: "system.batching"",
        "packages/registry/data/systems/batching.json: no page names "system.batching" as related",
      ]
    `);
    expect(changed('systems/memory.json', { tags: ['tag.capacty'] })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/memory.json: tags[0]: "tag.capacty" is no tag; nearest: "tag.capacity"",
        "packages/registry/data/tags/capacity.json: "tag.capacity" is the tag of 1 pages, the least is 2",
      ]
    `);
    expect(changed('systems/batching.json', { citations: ['citation.yu-2022-orka'] })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/batching.json: citations[0]: "citation.yu-2022-orka" is no citation; nearest: "citation.yu-2022-orca"",
        "packages/registry/data/citations/yu-2022-orca.json: no page cites "citation.yu-2022-orca"",
      ]
    `);
    expect(changed('graphs/memory-system-flow.json', { subject: 'system.memry' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/graphs/memory-system-flow.json: subject: "system.memry" is no page; nearest: "system.memory"",
      ]
    `);
  });

  test('related goes both ways, and never to oneself', () => {
    expect(
      changed('glossary/kv-cache.json', { related: ['system.memory', 'system.batching'] }),
    ).toMatchInlineSnapshot(`
      [
        "packages/registry/data/glossary/kv-cache.json: related[1]: "system.batching" does not name "glossary.kv-cache" in turn: add it to packages/registry/data/systems/batching.json",
      ]
    `);
    expect(
      changed('systems/batching.json', { related: ['system.memory', 'system.batching'] }),
    ).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/batching.json: related[1]: a page is not related to itself",
      ]
    `);
  });

  test('a graph hangs together', () => {
    expect(changed('graphs/memory-system-flow.json', { root: 'weight' })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/graphs/memory-system-flow.json: root: "weight" is no node of this graph; nearest: "weights"",
      ]
    `);
    expect(
      changed('graphs/memory-system-flow.json', {
        edges: [
          { from: 'weights', to: 'prefil' },
          { from: 'weights', to: 'pressure' },
        ],
      }),
    ).toMatchInlineSnapshot(`
      [
        "packages/registry/data/graphs/memory-system-flow.json: edges[0].to: "prefil" is no node of this graph; nearest: "prefill"",
        "packages/registry/data/graphs/memory-system-flow.json: nodes[1]: "prefill" is not reached from the root "weights"",
      ]
    `);
  });

  test('one alias means one page of a kind', () => {
    expect(changed('systems/batching.json', { aliases: ['Serving-Memory'] })).toMatchInlineSnapshot(`
      [
        "packages/registry/data/systems/memory.json: aliases[0]: "serving memory" is an alias of system.batching already",
      ]
    `);
    expect(changed('glossary/kv-cache.json', { aliases: ['memory bandwidth'] })).toEqual([]);
  });

  test('nothing stands alone', () => {
    const records = sampleRecords();
    expect(
      problemsOf({ ...records, 'tags/cost.json': { id: 'tag.cost', kind: 'tag', slug: 'cost' } }),
    ).toMatchInlineSnapshot(`
      [
        "packages/registry/data/tags/cost.json: "tag.cost" is the tag of 0 pages, the least is 2",
      ]
    `);
    const orca = records['citations/yu-2022-orca.json'];
    expect(
      problemsOf({ ...records, 'citations/orca.json': { ...orca, id: 'citation.orca' } }),
    ).toMatchInlineSnapshot(`
      [
        "packages/registry/data/citations/orca.json: no page cites "citation.orca"",
      ]
    `);
  });
});
