/** Reads every page of the built site as a file. There are several hundred, so no browser opens them. */
import { expect, inject, test } from 'vitest';
import { attributeValues, filesIn, readPages } from './site-files.ts';

const directory = inject('siteDirectory');
const pages = readPages(directory);
const files = new Set(filesIn(directory).map((path) => `/${path}`));

/** What a template writes when a value is missing. */
const mishaps = /\bundefined\b|\bNaN\b|\[object Object\]|\{[a-z]+[A-Za-z]*\}/;
/** A tag with its attributes, whose quoted values may hold anything. */
const tags = /<[a-z!/](?:"[^"]*"|[^>"])*>/gi;

test('the pages that the site promises are there', () => {
  const routes = new Set(pages.map(({ route }) => route));
  for (const route of ['/', '/planner/', '/docs/', '/docs/models/', '/docs/hardware/', '/404.html']) {
    expect(routes, route).toContain(route);
  }
  expect(pages.filter(({ route }) => route.startsWith('/docs/models/')).length).toBeGreaterThan(250);
  expect(pages.filter(({ route }) => route.startsWith('/docs/hardware/')).length).toBeGreaterThan(150);
});

test('each page has a language, a title, one main heading, a description, and ids that mean one thing', () => {
  const problems = pages.flatMap(({ route, html }) => {
    const count = (pattern: RegExp): number => html.match(pattern)?.length ?? 0;
    const ids = attributeValues(html, 'id');
    const doubled = ids.filter((id, index) => ids.indexOf(id) !== index);
    const description = /<meta name="description" content="([^"]*)"/.exec(html)?.[1] ?? '';
    return [
      ...(/<html lang="[a-z]{2}/.test(html) ? [] : ['no language']),
      ...(/<head>[\s\S]*?<title>[^<]+<\/title>/.test(html) ? [] : ['no title']),
      ...(count(/<h1[\s>]/g) === 1 ? [] : [`${count(/<h1[\s>]/g)} main headings`]),
      ...(description.length > 20 ? [] : ['no description']),
      ...doubled.map((id) => `the id ${id} twice`),
    ].map((problem) => `${route}: ${problem}`);
  });
  expect(problems).toEqual([]);
});

test('no page shows a value that is missing', () => {
  const problems = pages.flatMap(({ route, html }) => {
    const main = /<main[\s\S]*<\/main>/.exec(html)?.[0] ?? '';
    const text = main
      .replaceAll(/<(script|style|pre|code|astro-island)[\s\S]*?<\/\1>/g, ' ')
      .replaceAll(tags, ' ');
    const found = mishaps.exec(text);
    return found === null
      ? []
      : [`${route}: …${text.slice(Math.max(0, found.index - 60), found.index + 40)}…`];
  });
  expect(problems).toEqual([]);
});

test('every link inside the site leads to a page, and to a place on it', () => {
  const anchors = new Map(pages.map(({ route, html }) => [route, new Set(attributeValues(html, 'id'))]));
  const problems = new Set<string>();
  for (const { route, html } of pages) {
    for (const target of [...attributeValues(html, 'href'), ...attributeValues(html, 'src')]) {
      const { origin, pathname, hash } = new URL(target, `http://site.test${route}`);
      if (origin !== 'http://site.test') continue;
      const place = anchors.get(pathname);
      if (place === undefined && !files.has(pathname)) problems.add(`${route}: ${target} leads nowhere`);
      const anchor = decodeURIComponent(hash.slice(1));
      if (place !== undefined && anchor !== '' && !place.has(anchor)) {
        problems.add(`${route}: ${target} names no place on that page`);
      }
    }
  }
  expect([...problems]).toEqual([]);
});

test('nothing is fetched from another site', () => {
  const problems = pages.flatMap(({ route, html }) =>
    [...html.matchAll(/<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)="(https?:[^"]+)"/g)].map(
      ([, target]) => `${route}: ${target}`,
    ),
  );
  expect(problems).toEqual([]);
});
