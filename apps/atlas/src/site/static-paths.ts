/** Which pages there are, for the routes: each in every language. */
import { defined } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import { type PageKind, routeOf } from '@plimsoll/registry/pages';
import { type ModelEntry, registryFacts } from '../facts/registry-facts.ts';
import { localeParameter } from '../rendering/locale.ts';
import type { PageView } from '../rendering/page-view.ts';
import { type Atlas, openAtlases } from './atlas.ts';

interface StaticPath<Parameters, Props> {
  readonly params: Parameters & { readonly locale: string | undefined };
  readonly props: Props & { readonly atlas: Atlas };
}

type KindFolder = 'systems' | 'glossary' | 'tutorials';

const kinds: readonly PageKind[] = ['tutorial', 'system', 'glossary'];

/** Folder of a kind's pages in addresses. */
export const kindFolders: Readonly<Record<PageKind, KindFolder>> = {
  system: 'systems',
  glossary: 'glossary',
  tutorial: 'tutorials',
};

/** One route, in every language. */
export function onePage(): Promise<StaticPath<unknown, unknown>[]> {
  return pagesFor(() => [{ params: {}, props: {} }]);
}

/** The routes that `list` gives for a language, with the properties of their pages. */
async function pagesFor<Parameters, Props>(
  list: (atlas: Atlas) => readonly { readonly params: Parameters; readonly props: Props }[],
): Promise<StaticPath<Parameters, Props>[]> {
  const atlases = await openAtlases();
  return atlases.flatMap((atlas) =>
    list(atlas).map(({ params, props }) => ({
      params: { ...params, locale: localeParameter(atlas.locale) },
      props: { ...props, atlas },
    })),
  );
}

/** Every page with an address in the folder of its kind. */
export function contentPages(): Promise<
  StaticPath<{ readonly kind: string; readonly slug: string }, { readonly view: PageView }>[]
> {
  return pagesFor(({ views }) =>
    [...views.values()]
      .map((view) => ({
        params: { kind: kindFolders[view.page.kind], slug: view.page.slug },
        props: { view },
      }))
      .filter(({ params, props }) => routeOf(props.view.record.id) === `/docs/${params.kind}/${params.slug}`),
  );
}

/** A page with an address of its own. */
export function pageOf(recordId: string): Promise<StaticPath<unknown, { readonly view: PageView }>[]> {
  return pagesFor(({ views }) => [
    { params: {}, props: { view: defined(views.get(recordId), 'the page is written') } },
  ]);
}

/** The lists of pages: one for each kind that has pages. */
export function kindLists(): Promise<
  StaticPath<{ readonly kind: string }, { readonly kind: PageKind; readonly folder: KindFolder }>[]
> {
  return pagesFor(({ pagesOf }) =>
    kinds
      .filter((kind) => pagesOf(kind).length > 0)
      .map((kind) => ({ params: { kind: kindFolders[kind] }, props: { kind, folder: kindFolders[kind] } })),
  );
}

/** A page for each tag that a page has. */
export function tagPages(): Promise<StaticPath<{ readonly slug: string }, { readonly tag: string }>[]> {
  return pagesFor(({ views }) => {
    const tags = new Set([...views.values()].flatMap(({ record }) => record.tags));
    return [...tags].sort().map((tag) => ({ params: { slug: tag.slice('tag.'.length) }, props: { tag } }));
  });
}

/** Every model of the registry. Addresses are in lower case: not every file server tells case apart. */
export function modelPages(): Promise<
  StaticPath<{ readonly org: string; readonly name: string }, { readonly model: ModelEntry }>[]
> {
  return pagesFor(() =>
    registryFacts().models.map((model) => {
      const [org = '', name = ''] = model.row.id.toLowerCase().split('/');
      return { params: { org, name }, props: { model } };
    }),
  );
}

/** Every device of the registry. */
export function hardwarePages(): Promise<
  StaticPath<{ readonly id: string }, { readonly device: HardwareRecord }>[]
> {
  return pagesFor(() =>
    registryFacts().devices.map((device) => ({ params: { id: device.id }, props: { device } })),
  );
}
