/// <reference types="astro/client" />

declare namespace App {
  interface Locals {
    /** The page that is being rendered, for the components that page.mdx places. */
    view: import('./rendering/page-view.ts').PageView;
  }
}
