/**
 * Reads everything that the site shows, once per build: records, pages and their computed numbers, with the reader that the
 * check uses. A mistake ends the build with the list of all mistakes.
 */
import { join } from 'node:path';
import { dataDirectory } from '@plimsoll/registry/authoring';
import { type ContentProblem, type PageKind, refuseContentProblems } from '@plimsoll/registry/pages';
import { readSiteContent } from '../pages-data/site-content.ts';
import { type Locale, locales } from '../rendering/locale.ts';
import { type PageView, pageView } from '../rendering/page-view.ts';

/** The site in one language. */
export interface Atlas {
  readonly locale: Locale;
  /** Pages by record id, ordered by kind and place. */
  readonly views: ReadonlyMap<string, PageView>;
  pagesOf(kind: PageKind): readonly PageView[];
}

let opened: Promise<ReadonlyMap<string, Atlas>> | undefined;

/** The site in every language, English first. */
export async function openAtlases(): Promise<readonly Atlas[]> {
  opened ??= readAtlases();
  return [...(await opened).values()];
}

const repository = join(dataDirectory, '../../..');

async function readAtlases(): Promise<ReadonlyMap<string, Atlas>> {
  const { records, pages, numbers, problems } = await readSiteContent(repository);
  judge(problems);
  const unfiled = <Value>(map: ReadonlyMap<string, { readonly record: Value }>): ReadonlyMap<string, Value> =>
    new Map([...map].map(([id, { record }]) => [id, record]));
  const citations = unfiled(records.citations);
  const graphs = unfiled(records.graphs);
  const atlasIn = (locale: Locale): Atlas => {
    const views = [...pages.values()].flatMap((page) => {
      const record = records.pages.get(page.id)?.record;
      if (record === undefined) return [];
      const computed = new Map(Object.entries(numbers.get(page.id) ?? {}));
      return pageView({ page, record, locale, numbers: computed, citations, graphs });
    });
    const ordered = views.sort(byPlace);
    return {
      locale,
      views: new Map(ordered.map((view) => [view.page.id, view])),
      pagesOf: (kind) => ordered.filter(({ page }) => page.kind === kind),
    };
  };
  return new Map(locales.map((locale) => [locale.code, atlasIn(locale)]));
}

/**
 * Ends the build with these problems. A draft build continues without the unreadable parts, so that a writer sees a page
 * before the pages that it names exist.
 */
function judge(problems: readonly ContentProblem[]): void {
  if (process.env.PLIMSOLL_ATLAS_DRAFT !== '1') refuseContentProblems(problems);
}

/** Pages with a place come first, in that order. The others follow by title. */
function byPlace(left: PageView, right: PageView): number {
  const last = Number.MAX_SAFE_INTEGER;
  const difference = (left.record.order ?? last) - (right.record.order ?? last);
  if (difference !== 0) return difference;
  return left.messages.title.localeCompare(right.messages.title, left.locale.code);
}
