/**
 * Everything the site is made of, read when the site is built: records from the registry, pages from their folders. A
 * mistake in any of it ends the build with the list of all mistakes. Only Astro can load this file; tests and checks read
 * the same sources through the functions it calls.
 */
import { crossReferenceProblems, dataDirectory, readAtlasRecords } from '@plimsoll/registry/authoring';
import {
  type ContentProblem,
  type PageKind,
  refuseContentProblems,
  textFilesFrom,
} from '@plimsoll/registry/pages';
import type { ComputedNumber } from '../numbers/computed-number.ts';
import { readPages } from '../pages-data/page-reader.ts';
import { type PageView, pageView } from '../rendering/page-view.ts';
import { readTextFolder } from './text-folder.ts';

const pageFiles = import.meta.glob<string>('../content/docs/**/*', {
  query: '?raw',
  import: 'default',
  eager: true,
});
const numberModules = import.meta.glob<() => Record<string, ComputedNumber>>(
  '../content/docs/**/numbers.ts',
  {
    import: 'default',
    eager: true,
  },
);

export interface Atlas {
  /** By record id, in the order of their kinds and places. */
  readonly views: ReadonlyMap<string, PageView>;
  pagesOf(kind: PageKind): readonly PageView[];
}

let opened: Atlas | undefined;

export function openAtlas(): Atlas {
  opened ??= readAtlas();
  return opened;
}

const docs = '../content/docs/';

function readAtlas(): Atlas {
  const { records, problems: recordProblems } = readAtlasRecords(
    readTextFolder(dataDirectory, 'packages/registry/data'),
  );
  const texts = Object.entries(pageFiles).map(([path, text]) => [path.slice(docs.length), text]);
  const files = textFilesFrom('apps/atlas/src/content/docs', Object.fromEntries(texts));
  const { pages, problems: pageProblems } = readPages(files);
  judge([...recordProblems, ...pageProblems]);
  judge(crossReferenceProblems(records));
  const unfiled = <Value>(map: ReadonlyMap<string, { readonly record: Value }>): ReadonlyMap<string, Value> =>
    new Map([...map].map(([id, { record }]) => [id, record]));
  const citations = unfiled(records.citations);
  const graphs = unfiled(records.graphs);
  const views = [...pages.values()].flatMap((page) => {
    const record = records.pages.get(page.id)?.record;
    if (record === undefined) judge([{ file: page.folder, key: '', problem: `has no record ${page.id}` }]);
    if (record === undefined) return [];
    const numbers = numberModules[`${docs}${page.folder.slice(files.root.length + 1)}/numbers.ts`];
    return pageView({
      page,
      record,
      messages: page.messages,
      numbers: new Map(Object.entries(numbers?.() ?? {})),
      citations,
      graphs,
    });
  });
  const ordered = views.sort(byPlace);
  return {
    views: new Map(ordered.map((view) => [view.page.id, view])),
    pagesOf: (kind) => ordered.filter(({ page }) => page.kind === kind),
  };
}

/**
 * Ends the build with these problems. A draft is built in spite of them, so that a writer sees a page before the pages
 * it names exist; what cannot be read is left out.
 */
function judge(problems: readonly ContentProblem[]): void {
  if (process.env.PLIMSOLL_ATLAS_DRAFT !== '1') refuseContentProblems(problems);
}

/** Pages with a place come in that order, the others follow by title. */
function byPlace(left: PageView, right: PageView): number {
  const [first, second] = [left, right].map(({ record }) => record.order ?? Number.MAX_SAFE_INTEGER);
  if (first !== second) return (first ?? 0) - (second ?? 0);
  return left.messages.title.localeCompare(right.messages.title, 'en');
}
