/** The built site as files: every page with its address, its text, its links and its anchors. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface SitePage {
  /** `/docs/systems/memory/`; the page for unknown addresses is `/404.html`. */
  readonly route: string;
  readonly html: string;
}

/** Every page, by route. */
export function readPages(directory: string): readonly SitePage[] {
  return filesIn(directory)
    .filter((path) => path.endsWith('.html'))
    .map((path) => ({
      route: `/${path.replace(/(^|\/)index\.html$/, '$1')}`,
      html: readFileSync(join(directory, path), 'utf8'),
    }))
    .sort((left, right) => (left.route < right.route ? -1 : 1));
}

/** Every file below a folder, with forward slashes. */
export function filesIn(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(directory.length + 1)
        .replaceAll('\\', '/'),
    );
}

/** Pages made from the registry: hundreds of one kind, of which a browser sees a sample. */
export function isGenerated({ route }: SitePage): boolean {
  return /^\/docs\/(?:models|hardware)\/./.test(route);
}

/** Values of an attribute on any element. */
export function attributeValues(html: string, name: string): readonly string[] {
  return [...html.matchAll(new RegExp(`\\s${name}="([^"]*)"`, 'g'))].map(([, value = '']) => decode(value));
}

function decode(text: string): string {
  return text.replaceAll('&amp;', '&').replaceAll('&#38;', '&').replaceAll('&quot;', '"');
}
