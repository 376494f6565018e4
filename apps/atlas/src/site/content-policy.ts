/**
 * Writes a Content-Security-Policy into each built page, so that any file server sends it. Astro's own `security.csp` hashes
 * the scripts that Astro bundles, but not the inline scripts of Starlight and of our templates, and no style attributes. This
 * file therefore reads the finished page. The policy allows files of the site, and each inline script, style sheet and style
 * attribute by its hash.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { assert } from '@plimsoll/foundation';
import type { AstroIntegration } from 'astro';

/** What every response of the site may do. Workers and responses that are not pages have no inline parts. */
const siteDirectives: readonly string[] = [
  "default-src 'self'",
  // Starlight's style sheets hold a few icons as data.
  "img-src 'self' data:",
  "worker-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  // Forms are handled by scripts; none is sent.
  "form-action 'none'",
];

/** Browsers read this directive from a header alone. */
const headerDirective = "frame-ancestors 'none'";

/** The header of a response that is no page. */
export const filePolicy: string = [...siteDirectives, headerDirective].join('; ');

/** The character set has to be named within the first kilobyte; the policy has to come before the first script. */
const policyPlace = '<meta charset="utf-8"/>';
const policyTag = /<meta http-equiv="Content-Security-Policy" content="([^"]*)"\/>/;

export const contentPolicy: AstroIntegration = {
  name: 'plimsoll:content-policy',
  hooks: {
    'astro:build:done': ({ dir }) => {
      const directory = fileURLToPath(dir);
      for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
        if (!name.endsWith('.html')) continue;
        const path = join(directory, name);
        writeFileSync(path, withPolicy(readFileSync(path, 'utf8')));
      }
    },
  },
};

/** The page with its policy in its head. */
export function withPolicy(html: string): string {
  assert(html.includes(policyPlace), 'a page names its character set');
  const tag = `<meta http-equiv="Content-Security-Policy" content="${pagePolicy(html)}"/>`;
  // A function, because a replacement text would read `$` as a mark.
  return html.replace(policyPlace, () => policyPlace + tag);
}

/** The header for a built page: the policy that the page carries, and what only a header can say. */
export function headerPolicy(html: string): string {
  const policy = policyTag.exec(html)?.[1];
  return policy === undefined ? filePolicy : `${policy}; ${headerDirective}`;
}

const inlineElements = /<(script|style)\b([^>]*)>([\s\S]*?)<\/\1>/g;
/** A tag with its attributes, whose quoted values may hold anything. */
const tags = /<[a-z](?:"[^"]*"|'[^']*'|[^'">])*>/gi;

function pagePolicy(html: string): string {
  const scripts = new Set<string>();
  const sheets = new Set<string>();
  const markup = html.replace(inlineElements, (_, element: string, attributes: string, text: string) => {
    if (element === 'style') sheets.add(hashSource(text));
    // Data that scripts read is not run.
    else if (!/\ssrc=|\stype="application\/json"/.test(attributes)) scripts.add(hashSource(text));
    return '';
  });
  const attributes = new Set<string>();
  for (const [tag] of markup.matchAll(tags)) {
    const style = /\sstyle="([^"]*)"/.exec(tag)?.[1];
    if (style !== undefined) attributes.add(hashSource(decodeAttribute(style)));
  }
  return [
    ...siteDirectives,
    ["script-src 'self'", ...scripts].join(' '),
    ["style-src 'self'", ...sheets].join(' '),
    // Browsers apply hashes to attributes only after this keyword. By itself the keyword allows nothing.
    ["style-src-attr 'unsafe-hashes'", ...attributes].join(' '),
  ].join('; ');
}

function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** The escapes that Astro and React write into attributes. */
const escapes: Readonly<Record<string, string>> = {
  '&quot;': '"',
  '&#34;': '"',
  '&#38;': '&',
  '&amp;': '&',
  '&#39;': "'",
  '&#x27;': "'",
  '&lt;': '<',
  '&gt;': '>',
};

function decodeAttribute(value: string): string {
  return value.replaceAll(/&#?\w+;/g, (written) => {
    const text = escapes[written];
    assert(text !== undefined, `the escape ${written} in a style attribute is known`);
    return text;
  });
}
