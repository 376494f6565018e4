/** A small, sound site for tests, which break one thing in it at a time: records, page folders and computed numbers. */
import { crossReferenceProblems, readAtlasRecords } from '@plimsoll/registry/authoring';
import { type ContentProblem, formatContentProblem, textFilesFrom } from '@plimsoll/registry/pages';
import { pageReferenceProblems } from './judge/page-references.ts';
import { readPages } from './read/page-reader.ts';

type Json = Record<string, unknown>;

export interface SampleSite {
  /** Path in the data directory -> record. */
  readonly records: Record<string, Json>;
  /** Path in content/docs -> text, or JSON to be written as text. */
  readonly pages: Record<string, string | Json>;
  readonly numberNames: Record<string, readonly string[]>;
}

export function sampleSite(): SampleSite {
  return {
    records: sampleRecords(),
    pages: samplePages(),
    numberNames: { 'system.memory': ['kv-per-token'] },
  };
}

/** The problems of this site: those of reading, or if there are none, those of references. */
export function siteProblems(site: SampleSite): readonly string[] {
  const { records, problems: recordProblems } = readAtlasRecords(filesOf('data', site.records));
  const { pages, problems: pageProblems } = readPages(filesOf('docs', site.pages));
  const unread: readonly ContentProblem[] = [...recordProblems, ...pageProblems];
  const found =
    unread.length > 0
      ? unread
      : [
          ...crossReferenceProblems(records),
          ...pageReferenceProblems({
            records,
            pages,
            generatedIds: new Set(['model.openai/gpt-oss-20b', 'hardware.h100-sxm-80gb']),
            routes: ['/', '/planner'],
            numberNames: new Map(Object.entries(site.numberNames)),
          }),
        ];
  return found.map(formatContentProblem);
}

/** The pages of this site as the reader gives them. */
export function readSample(site: SampleSite): ReturnType<typeof readPages> {
  return readPages(filesOf('docs', site.pages));
}

function filesOf(root: string, files: Readonly<Record<string, string | Json>>) {
  const texts = Object.entries(files).map(([path, file]) => [
    path,
    typeof file === 'string' ? file : JSON.stringify(file),
  ]);
  return textFilesFrom(root, Object.fromEntries(texts));
}

function sampleRecords(): Record<string, Json> {
  const page = { aliases: [], tags: ['tag.capacity'], citations: ['citation.kwon-2023-pagedattention'] };
  return {
    'systems/memory.json': {
      ...page,
      id: 'system.memory',
      kind: 'system',
      slug: 'memory',
      related: ['tutorial.memory-wall'],
    },
    'tutorials/memory-wall.json': {
      ...page,
      id: 'tutorial.memory-wall',
      kind: 'tutorial',
      slug: 'memory-wall',
      related: ['system.memory'],
    },
    'graphs/memory-flow.json': {
      id: 'graph.memory-flow',
      kind: 'graph',
      subject: 'system.memory',
      root: 'weights',
      nodes: ['weights', 'cache'],
      edges: [{ from: 'weights', to: 'cache' }],
    },
    'tags/capacity.json': { id: 'tag.capacity', kind: 'tag', slug: 'capacity' },
    'citations/kwon-2023-pagedattention.json': {
      id: 'citation.kwon-2023-pagedattention',
      kind: 'citation',
      form: 'paper',
      title: 'Efficient Memory Management for Large Language Model Serving with PagedAttention',
      authors: ['Woosuk Kwon'],
      year: 2023,
      url: 'https://arxiv.org/abs/2309.06180',
    },
  };
}

function samplePages(): Record<string, string | Json> {
  return {
    'systems/memory/page.mdx': `---
record: system.memory
---

<Summary />

<Section id="what-it-is">
  <Figure id="flow" />
  <Section id="growth" />
</Section>
<Island id="ledger" />
`,
    'systems/memory/assets.json': {
      figures: { flow: { kind: 'graph', graph: 'graph.memory-flow' } },
      islands: { ledger: { kind: 'ledger', defaults: { users: 8 } } },
    },
    'systems/memory/numbers.ts': '',
    'systems/memory/messages/en.json': {
      title: 'Memory',
      description: 'What fills a GPU.',
      summary: ['Weights and *cache* share a [card](hardware.h100-sxm-80gb).'],
      sections: {
        'what-it-is': {
          title: 'What it is',
          body: ['See [below](#growth) or [plan](/planner).', ['One.', 'Two.']],
        },
        growth: { title: 'Growth', body: ['A token takes {kv-per-token} [@kwon-2023-pagedattention].'] },
      },
      figures: {
        flow: {
          alt: 'Weights lead to the cache.',
          caption: 'Weights first.',
          nodes: { weights: { label: 'Weights' }, cache: { label: 'Cache', note: 'It grows' } },
          edges: { 'weights->cache': 'make room for' },
        },
      },
      islands: { ledger: { title: 'Try it' } },
      related: { 'tutorial.memory-wall': 'The same with numbers to change' },
    },
    'tutorials/memory-wall/page.mdx': `---
record: tutorial.memory-wall
---
<Summary />
<Section id="start">
  <Cell id="sweep" />
  <Exercise id="how-many" />
</Section>
`,
    'tutorials/memory-wall/cells/sweep.ts': '',
    'tutorials/memory-wall/messages/en.json': {
      title: 'The memory wall',
      description: 'Why reading is the limit.',
      summary: ['It reads [more](system.memory#growth) than it computes [@kwon-2023-pagedattention].'],
      sections: { start: { title: 'Start', body: [{ steps: ['Read.', 'Compute.'] }] } },
      cells: { sweep: { title: 'A sweep' } },
      exercises: { 'how-many': { question: ['How many?'], answer: ['Four.'] } },
      related: { 'system.memory': 'What the wall is made of' },
    },
  };
}
