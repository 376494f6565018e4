/**
 * The site: static pages, Starlight's frame with routes of our own. Titles, headings and tables of contents come from the
 * messages of each page, so Starlight's content folder stays empty and its search (Pagefind) off.
 */
import { readdirSync } from 'node:fs';
import preact from '@astrojs/preact';
import starlight from '@astrojs/starlight';
import { defineConfig, passthroughImageService } from 'astro/config';
import { contentPolicy } from './src/site/content-policy.ts';
import { dataFiles } from './src/site/data-files.ts';
import { dataWithoutSources } from './src/site/data-without-sources.ts';

/** A language is a file of words. Starlight needs the list to name each language and to link between them. */
const languages = readdirSync(new URL('src/content/messages', import.meta.url))
  .flatMap((name) => /^([\w-]+)\.json$/.exec(name)?.[1] ?? [])
  .map((code) => {
    const label = new Intl.DisplayNames([code], { type: 'language' }).of(code) ?? code;
    return [code === 'en' ? 'root' : code.toLowerCase(), { label, lang: code }] as const;
  });
/** Entries of our packages that are JSON files. */
const jsonEntries: ReadonlySet<string> = new Set(['@plimsoll/registry/regions']);
const siteContent = new URL('src/pages-data/site-content.ts', import.meta.url).href;

export default defineConfig({
  output: 'static',
  // Each page is a folder, so every file server finds /docs/systems/memory with or without the final slash.
  build: { format: 'directory', inlineStylesheets: 'never' },
  image: { service: passthroughImageService() },
  devToolbar: { enabled: false },
  prefetch: false,
  integrations: [
    // xyflow and the islands import React; Preact implements it in a quarter of the bytes.
    preact({ compat: true }),
    dataFiles,
    contentPolicy,
    starlight({
      title: 'Plimsoll',
      favicon: '/favicon.svg',
      pagefind: false,
      disable404Route: true,
      credits: false,
      locales: Object.fromEntries(languages),
      tableOfContents: { minHeadingLevel: 2, maxHeadingLevel: 3 },
      customCss: ['theme', 'prose', 'tables', 'figures', 'start', 'print'].map(
        (name) => `./src/styles/${name}.css`,
      ),
      components: {
        Footer: './src/components/footer.astro',
        PageTitle: './src/components/page-title.astro',
        Search: './src/components/search.astro',
        SiteTitle: './src/components/site-title.astro',
        SocialIcons: './src/components/site-nav.astro',
        ThemeProvider: './src/components/theme-provider.astro',
      },
      expressiveCode: {
        themes: ['github-dark', 'github-light'],
        styleOverrides: { borderRadius: '0.25rem' },
      },
    }),
  ],
  vite: {
    plugins: [
      {
        // During the build Node loads our packages and the content reader from their sources: they look for data next to
        // their sources, and a bundle has no such place. The browser's bundles contain the packages. Vite's own `external`
        // excludes JavaScript alone, and these files are TypeScript.
        name: 'plimsoll:native-modules',
        enforce: 'pre',
        applyToEnvironment: ({ name }) => name !== 'client',
        resolveId: (id) => {
          // Imported JSON stays in the bundle: Node requires the import attribute, and the bundler drops it.
          const isJson = id.endsWith('.json') || jsonEntries.has(id);
          if (id.startsWith('@plimsoll/') && !isJson) return { id, external: true };
          return id.endsWith('/pages-data/site-content.ts') ? { id: siteContent, external: true } : null;
        },
      },
      { ...dataWithoutSources(), applyToEnvironment: ({ name }) => name === 'client' },
    ],
    worker: { plugins: () => [dataWithoutSources()] },
    build: { chunkSizeWarningLimit: 700 },
  },
});
