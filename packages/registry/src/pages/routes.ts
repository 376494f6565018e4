/** Addresses of the atlas. The site, search, links in prose and the command line all take them from this file. */
import { PlimsollError } from '@plimsoll/foundation';

/** The port where `npm start` serves the site, unless it is taken. Links in the terminal use it. */
export const sitePort = 4680;
export const siteOrigin: string = `http://localhost:${sitePort}`;

/** Maps the folder of written pages, in the data directory and in the site's content, to the kind of page in it. */
export const pageFolders = { systems: 'system', glossary: 'glossary', tutorials: 'tutorial' } as const;

const foldersByKind: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(pageFolders).map(([folder, kind]) => [kind, folder])),
  model: 'models',
  hardware: 'hardware',
  tag: 'tags',
};

/** Pages without a record, by the name in their id: `site.planner`. */
const siteRoutes: Readonly<Record<string, string>> = {
  planner: '/planner',
  simulate: '/simulate',
  live: '/live',
  pages: '/docs',
  tutorials: '/docs/tutorials',
  systems: '/docs/systems',
  glossary: '/docs/glossary',
  models: '/docs/models',
  hardware: '/docs/hardware',
  tags: '/docs/tags',
};

/** Pages that people type the address of, outside the folder of their kind. */
const shortRoutes: Readonly<Record<string, string>> = { 'system.troubleshooting': '/docs/troubleshooting' };

/**
 * `system.memory` -> `/docs/systems/memory`, `model.openai/gpt-oss-20b` -> `/docs/models/openai/gpt-oss-20b`. Addresses
 * are lower case, because some file servers ignore case.
 */
export function routeOf(recordId: string): string {
  const short = Object.hasOwn(shortRoutes, recordId) ? shortRoutes[recordId] : undefined;
  if (short !== undefined) return short;
  const [kind, name] = splitId(recordId);
  if (kind === 'site' && Object.hasOwn(siteRoutes, name)) return siteRoutes[name] ?? '';
  const folder = Object.hasOwn(foldersByKind, kind) ? foldersByKind[kind] : undefined;
  if (folder === undefined || name === '') {
    throw new PlimsollError({
      code: 'no-route',
      message: `"${recordId}" has no page`,
      value: recordId,
      limit: Object.keys(foldersByKind)
        .map((known) => `${known}.<name>`)
        .join(', '),
    });
  }
  return `/docs/${folder}/${name.toLowerCase()}`;
}

/**
 * Splits an id into kind and name. Only the first dot separates: `model.Qwen/Qwen2.5-7B` has the name
 * `Qwen/Qwen2.5-7B`.
 */
export function splitId(recordId: string): readonly [kind: string, name: string] {
  const dot = recordId.indexOf('.');
  return dot < 0 ? [recordId, ''] : [recordId.slice(0, dot), recordId.slice(dot + 1)];
}
