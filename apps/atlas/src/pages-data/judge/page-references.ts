/**
 * Checks a page's files against each other, its record and the registry. Every id of the structure has words and, for figures
 * and islands, an asset; every word and asset is used; links, citations and numbers lead somewhere; each related page has a
 * reason. The page and the records must be free of problems of their own.
 */
import type { AtlasRecords } from '@plimsoll/registry/authoring';
import { type ContentProblem, nearestHint } from '@plimsoll/registry/pages';
import type { Page } from '../read/page-reader.ts';
import { allElements, type ComponentName } from '../read/page-structure.ts';
import { type PageSurroundings, textProblems } from './text-references.ts';

export function pageReferenceProblems(surroundings: PageSurroundings): readonly ContentProblem[] {
  const { pages, records } = surroundings;
  return [
    ...[...pages.values()].flatMap((page) => [
      ...pieceProblems(page),
      ...assetProblems(page, records),
      ...relatedProblems(page, records),
      ...textProblems(page, surroundings),
    ]),
    ...pairProblems(surroundings),
    ...unusedGraphs(surroundings),
  ];
}

/** The ids of a component on the page must equal the ids that have words, assets or code. */
function pieceProblems(page: Page): readonly ContentProblem[] {
  const { messages, assets, folder } = page;
  const elements = allElements(page.structure.elements);
  const words = `${folder}/messages/en.json`;
  const keysOf = (table: object | undefined): readonly string[] => Object.keys(table ?? {});
  const sources: readonly {
    readonly component: ComponentName;
    readonly file: string;
    readonly table: string;
    readonly ids: readonly string[];
  }[] = [
    { component: 'Section', file: words, table: 'sections', ids: keysOf(messages.sections) },
    { component: 'Figure', file: words, table: 'figures', ids: keysOf(messages.figures) },
    { component: 'Figure', file: `${folder}/assets.json`, table: 'figures', ids: keysOf(assets.figures) },
    { component: 'Island', file: words, table: 'islands', ids: keysOf(messages.islands) },
    { component: 'Island', file: `${folder}/assets.json`, table: 'islands', ids: keysOf(assets.islands) },
    { component: 'Cell', file: words, table: 'cells', ids: keysOf(messages.cells) },
    { component: 'Cell', file: `${folder}/cells`, table: '', ids: page.cells },
    { component: 'Exercise', file: words, table: 'exercises', ids: keysOf(messages.exercises) },
  ];
  return sources.flatMap(({ component, file, table, ids }) => {
    const used = elements.filter((element) => element.component === component);
    const place = table === '' ? file : `${table} of ${file}`;
    const dangling = used
      .filter(({ id }) => !ids.includes(id))
      .map(({ id, line }) => ({
        file: `${folder}/page.mdx`,
        key: `line ${line}`,
        problem: `${component} "${id}" is not in ${place}${nearestHint(id, ids)}`,
      }));
    const usedIds = used.map(({ id }) => id);
    const idle = ids
      .filter((id) => !usedIds.includes(id))
      .map((id) => ({
        file,
        key: table === '' ? `${id}.ts` : `${table}.${id}`,
        problem: `page.mdx has no <${component} id="${id}">${nearestHint(id, usedIds)}`,
      }));
    return [...dangling, ...idle];
  });
}

/** Checks the graphs that figures show, and the words of each graph's nodes and edges. */
function assetProblems(page: Page, records: AtlasRecords): readonly ContentProblem[] {
  const problems: ContentProblem[] = [];
  const refuse = (name: string, key: string, problem: string): void => {
    problems.push({ file: `${page.folder}/${name}`, key, problem });
  };
  for (const [id, figure] of Object.entries(page.assets.figures ?? {})) {
    const graph = records.graphs.get(figure.graph)?.record;
    if (graph === undefined) {
      const hint = nearestHint(figure.graph, records.graphs.keys());
      refuse('assets.json', `figures.${id}.graph`, `"${figure.graph}" is no graph${hint}`);
      continue;
    }
    const words = page.messages.figures?.[id];
    const edges = graph.edges.map(({ from, to }) => `${from}->${to}`);
    const tables = [
      { table: 'nodes', own: Object.keys(words?.nodes ?? {}), known: graph.nodes, required: graph.nodes },
      { table: 'edges', own: Object.keys(words?.edges ?? {}), known: edges, required: [] },
    ];
    for (const { table, own, known, required } of tables) {
      for (const name of own.filter((key) => !known.includes(key))) {
        const problem = `${graph.id} has no such ${table.slice(0, -1)}${nearestHint(name, known)}`;
        refuse('messages/en.json', `figures.${id}.${table}.${name}`, problem);
      }
      for (const name of required.filter((key) => !own.includes(key))) {
        const hint = nearestHint(name, own);
        refuse('messages/en.json', `figures.${id}.${table}.${name}`, `is missing${hint}`);
      }
    }
  }
  return problems;
}

/** Every related page has a reason in the messages, and every reason is of a related page. */
function relatedProblems(page: Page, records: AtlasRecords): readonly ContentProblem[] {
  const filed = records.pages.get(page.id);
  if (filed === undefined) return [];
  const file = `${page.folder}/messages/en.json`;
  const reasons = Object.keys(page.messages.related);
  const related = filed.record.related;
  return [
    ...related
      .filter((id) => !reasons.includes(id))
      .map((id) => ({
        file,
        key: `related.${id}`,
        problem: `is missing: say why a reader would go there, or take it out of ${filed.file}`,
      })),
    ...reasons
      .filter((id) => !related.includes(id))
      .map((id) => ({
        file,
        key: `related.${id}`,
        problem: `is not related in ${filed.file}${nearestHint(id, related)}`,
      })),
  ];
}

/** Every page has its record and every record its page. */
function pairProblems({ pages, records }: PageSurroundings): readonly ContentProblem[] {
  const withoutRecord = [...pages.values()]
    .filter(({ id }) => !records.pages.has(id))
    .map(({ id, folder }) => ({
      file: `${folder}/page.mdx`,
      key: 'record',
      problem: `there is no record "${id}"${nearestHint(id, records.pages.keys())}`,
    }));
  const withoutPage = [...records.pages.values()]
    .filter(({ record }) => !pages.has(record.id))
    .map(({ file, record }) => ({
      file,
      key: 'id',
      problem: `there is no page of "${record.id}"${nearestHint(record.id, pages.keys())}`,
    }));
  return [...withoutRecord, ...withoutPage];
}

function unusedGraphs({ pages, records }: PageSurroundings): readonly ContentProblem[] {
  const used = new Set(
    [...pages.values()].flatMap(({ assets }) =>
      Object.values(assets.figures ?? {}).map(({ graph }) => graph),
    ),
  );
  return [...records.graphs.values()]
    .filter(({ record }) => !used.has(record.id))
    .map(({ file, record }) => ({ file, key: 'id', problem: `no page shows "${record.id}"` }));
}
