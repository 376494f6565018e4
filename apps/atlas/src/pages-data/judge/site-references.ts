/** Judges every reference of the site, for the check and the build: records, pages, links, numbers. */
import { type AtlasRecords, crossReferenceProblems } from '@plimsoll/registry/authoring';
import type { ContentProblem } from '@plimsoll/registry/pages';
import type { Registry } from '@plimsoll/registry/portable';
import type { Page } from '../read/page-reader.ts';
import { pageReferenceProblems } from './page-references.ts';

/** Addresses of the site that no record names. */
const ownRoutes: readonly string[] = [
  '/',
  '/planner',
  '/simulate',
  '/live',
  '/docs',
  ...['systems', 'glossary', 'tutorials', 'models', 'hardware', 'tags'].map((kind) => `/docs/${kind}`),
];

export interface SiteParts {
  readonly records: AtlasRecords;
  readonly pages: ReadonlyMap<string, Page>;
  /** Page id -> its computed numbers by name. */
  readonly numbers: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** Models and hardware, each of which has a generated page. */
  readonly registry: Pick<Registry, 'listModels' | 'listHardware'>;
}

/** Records and pages must be free of problems of their own. */
export function siteReferenceProblems({
  records,
  pages,
  numbers,
  registry,
}: SiteParts): readonly ContentProblem[] {
  const tagRoutes = [...records.tags.values()].map(({ record }) => `/docs/tags/${record.slug}`);
  return [
    ...crossReferenceProblems(records),
    ...pageReferenceProblems({
      records,
      pages,
      generatedIds: new Set([
        ...registry.listModels().map(({ id }) => `model.${id}`),
        ...registry.listHardware().map(({ id }) => `hardware.${id}`),
      ]),
      routes: [...ownRoutes, ...tagRoutes],
      numberNames: new Map([...numbers].map(([id, table]) => [id, Object.keys(table)])),
    }),
  ];
}
