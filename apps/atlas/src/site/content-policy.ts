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
import { pageDirectives, policyTag } from '@plimsoll/site-files';
import type { AstroIntegration } from 'astro';

/** The character set has to be named within the first kilobyte; the policy has to come before the first script. */
const policyPlace = '<meta charset="utf-8"/>';

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
  const tag = policyTag(pagePolicy(html));
  // A function, because a replacement text would read `$` as a mark.
  return html.replace(policyPlace, () => policyPlace + tag);
}

const inlineElements = /<(script|style)\b([^>]*)>([\s\S]*?)<\/\1>/g;
/** A tag with its attributes, whose quoted values may hold anything. */
const tags = /<[a-z](?:"[^"]*"|'[^']*'|[^'">])*>/gi;

/** An element whose script talks to a server that the reader names; the site itself is always allowed. */
const connectionSources = /\sdata-connection-sources="([a-z: ]+)"/;

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
  const connections = connectionSources.exec(markup)?.[1];
  return [
    ...pageDirectives,
    ...(connections === undefined ? [] : [`connect-src 'self' ${connections}`]),
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
