/** The structure files, compiled by MDX. Apart from the rest of the site's sources: only what renders pages needs them. */
import type { MDXInstance } from 'astro';
import type { Page } from '../pages-data/read/page-reader.ts';

const modules = import.meta.glob<MDXInstance<Record<string, unknown>>>('../content/docs/**/page.mdx', {
  eager: true,
});

/** The component that page.mdx of this page is. */
export function contentOf({ folder }: Page): MDXInstance<Record<string, unknown>>['Content'] | undefined {
  const [, path = ''] = folder.split('/content/docs/');
  return modules[`../content/docs/${path}/page.mdx`]?.Content;
}
