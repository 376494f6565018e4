/** The side navigation: the tools, the list of all pages, the pages of each kind, and the two lists from the registry. */
import { hrefOf, recordHref } from '../rendering/site-links.ts';
import type { Atlas } from './atlas.ts';

interface NavigationLink {
  readonly label: string;
  readonly link: string;
}

interface NavigationGroup {
  readonly label: string;
  readonly collapsed?: boolean;
  readonly items: NavigationLink[];
}

const groups = [
  { kind: 'tutorial', name: 'tutorials' },
  { kind: 'system', name: 'systems' },
  { kind: 'glossary', name: 'glossary' },
] as const;

export function navigation({ locale, pagesOf }: Atlas): (NavigationLink | NavigationGroup)[] {
  const words = locale.words.navigation;
  // Starlight adds the language's prefix to these links.
  const page = (label: string, route: string): NavigationLink => ({ label, link: hrefOf(route) });
  const groupsWithPages = groups.flatMap(({ kind, name }) => {
    const items = pagesOf(kind).map((view) => ({
      label: view.messages.title,
      link: recordHref(view.page.id),
    }));
    return items.length > 0 ? [{ label: words[name], items }] : [];
  });
  return [
    page(words.planner, '/planner'),
    page(words.simulate, '/simulate'),
    page(words.live, '/live'),
    page(words.allPages, '/docs'),
    page(words.models, '/docs/models'),
    page(words.hardware, '/docs/hardware'),
    ...groupsWithPages,
  ];
}
