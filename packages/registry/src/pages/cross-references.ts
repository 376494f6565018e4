/**
 * Checks the rules between the atlas's records: every reference leads to a record, every record is referenced, and
 * related pages name each other. The reader has already checked each record by itself.
 */
import type { ContentProblem } from '../content-problem.ts';
import { nameKey } from '../name-key.ts';
import { nearestHint } from '../nearest-name.ts';
import type { AtlasRecords, Filed } from './record-reader.ts';
import type { GraphRecord, PageRecord } from './record-schema.ts';

/** A tag on one page groups nothing. */
const pagesPerTagMin = 2;

export function crossReferenceProblems(records: AtlasRecords): readonly ContentProblem[] {
  return [
    ...[...records.pages.values()].flatMap((page) => referenceProblems(page, records)),
    ...[...records.graphs.values()].flatMap((graph) => graphProblems(graph, records)),
    ...aliasProblems(records),
    ...orphanProblems(records),
  ];
}

function referenceProblems(
  { file, record }: Filed<PageRecord>,
  records: AtlasRecords,
): readonly ContentProblem[] {
  const problems: ContentProblem[] = [];
  const lists = [
    { list: 'tags', known: records.tags, what: 'tag' },
    { list: 'related', known: records.pages, what: 'page' },
    { list: 'citations', known: records.citations, what: 'citation' },
  ] as const;
  for (const { list, known, what } of lists) {
    for (const [index, id] of record[list].entries()) {
      if (known.has(id)) continue;
      const problem = `"${id}" is no ${what}${nearestHint(id, known.keys())}`;
      problems.push({ file, key: `${list}[${index}]`, problem });
    }
  }
  for (const [index, id] of record.related.entries()) {
    const key = `related[${index}]`;
    if (id === record.id) problems.push({ file, key, problem: 'a page is not related to itself' });
    const other = records.pages.get(id);
    if (other === undefined || other.record.related.includes(record.id)) continue;
    problems.push({
      file,
      key,
      problem: `"${id}" does not name "${record.id}" in turn: add it to ${other.file}`,
    });
  }
  return problems;
}

function graphProblems(
  { file, record }: Filed<GraphRecord>,
  records: AtlasRecords,
): readonly ContentProblem[] {
  const problems: ContentProblem[] = [];
  const refuse = (key: string, value: string, known: Iterable<string>, what: string): void => {
    problems.push({ file, key, problem: `"${value}" is no ${what}${nearestHint(value, known)}` });
  };
  if (!records.pages.has(record.subject)) refuse('subject', record.subject, records.pages.keys(), 'page');
  if (!record.nodes.includes(record.root)) refuse('root', record.root, record.nodes, 'node of this graph');
  for (const [index, edge] of record.edges.entries()) {
    for (const end of ['from', 'to'] as const) {
      if (record.nodes.includes(edge[end])) continue;
      refuse(`edges[${index}].${end}`, edge[end], record.nodes, 'node of this graph');
    }
  }
  // Nothing is reachable from a root that is no node, and that problem is already reported.
  if (!record.nodes.includes(record.root)) return problems;
  const reached = reachedFrom(record.root, record);
  for (const [index, node] of record.nodes.entries()) {
    if (reached.has(node)) continue;
    const problem = `"${node}" is not reached from the root "${record.root}"`;
    problems.push({ file, key: `nodes[${index}]`, problem });
  }
  return problems;
}

function reachedFrom(root: string, graph: GraphRecord): ReadonlySet<string> {
  const reached = new Set([root]);
  // The set's iterator also visits entries that are added during the loop.
  for (const node of reached) {
    for (const { from, to } of graph.edges) if (from === node) reached.add(to);
  }
  return reached;
}

/** An alias means one page of each kind; between kinds, search decides the order. */
function aliasProblems(records: AtlasRecords): readonly ContentProblem[] {
  const problems: ContentProblem[] = [];
  const owners = new Map<string, string>();
  for (const { file, record } of records.pages.values()) {
    for (const [index, alias] of record.aliases.entries()) {
      const claim = `${record.kind} ${nameKey(alias)}`;
      const owner = owners.get(claim);
      if (owner === undefined) owners.set(claim, record.id);
      else
        problems.push({
          file,
          key: `aliases[${index}]`,
          problem: `"${alias}" is an alias of ${owner} already`,
        });
    }
  }
  return problems;
}

/** Reports records that nothing references. A page's assets name its graphs, so the site's check reports unused graphs. */
function orphanProblems(records: AtlasRecords): readonly ContentProblem[] {
  const pages = [...records.pages.values()].map(({ record }) => record);
  const problems: ContentProblem[] = [];
  for (const { file, record } of records.pages.values()) {
    if (pages.some((page) => page.id !== record.id && page.related.includes(record.id))) continue;
    problems.push({ file, key: '', problem: `no page names "${record.id}" as related` });
  }
  for (const { file, record } of records.tags.values()) {
    const uses = pages.filter((page) => page.tags.includes(record.id)).length;
    if (uses >= pagesPerTagMin) continue;
    const problem = `"${record.id}" is the tag of ${uses} pages, the least is ${pagesPerTagMin}`;
    problems.push({ file, key: '', problem });
  }
  for (const { file, record } of records.citations.values()) {
    if (pages.some((page) => page.citations.includes(record.id))) continue;
    problems.push({ file, key: '', problem: `no page cites "${record.id}"` });
  }
  return problems;
}
