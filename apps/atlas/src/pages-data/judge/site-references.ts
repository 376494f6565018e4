/** Every reference of the site judged at once, by the check and by the site's build: records, pages, links, numbers. */
import { type AtlasRecords, crossReferenceProblems } from '@plimsoll/registry/authoring';
import type { ContentProblem } from '@plimsoll/registry/pages';
import type { Registry } from '@plimsoll/registry/portable';
import type { Page } from '../read/page-reader.ts';
import { pageReferenceProblems } from './page-references.ts';

/** Addresses of the site that no record names. */
const ownRoutes: readonly string[] = [
  '/',
  '/planner',
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

/** Records and pages were read without a problem when they come here. */
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
