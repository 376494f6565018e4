/** The structure files, compiled by MDX. They have a module of their own because only the page templates need them. */
import type { MDXInstance } from 'astro';
import type { Page } from '../pages-data/read/page-reader.ts';

const modules = import.meta.glob<MDXInstance<Record<string, unknown>>>('../content/docs/**/page.mdx', {
  eager: true,
});

/** Returns the component that MDX makes of this page's page.mdx. */
export function contentOf({ folder }: Page): MDXInstance<Record<string, unknown>>['Content'] | undefined {
  const [, path = ''] = folder.split('/content/docs/');
  return modules[`../content/docs/${path}/page.mdx`]?.Content;
}
