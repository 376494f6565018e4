/// <reference types="astro/client" />

declare namespace App {
  interface Locals {
    /** The site in the language of the page that is being rendered. */
    atlas: import('./site/atlas.ts').Atlas;
    /** What kind of page this is, and the list of its kind. */
    eyebrow: { readonly label: string; readonly route: string } | undefined;
    /** The page that is being rendered, for the components that page.mdx places. */
    view: import('./rendering/page-view.ts').PageView;
  }
}
