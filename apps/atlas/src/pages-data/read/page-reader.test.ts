/** Locales: what is translated shows, what is not falls back and is counted, what English does not have is refused. */
import { defined } from '@plimsoll/foundation';
import { formatContentProblem } from '@plimsoll/registry/pages';
import { expect, test } from 'vitest';
import { readSample, sampleSite, siteProblems } from '../sample-site.test-data.ts';

function withGerman(words: Record<string, unknown>) {
  const site = sampleSite();
  site.pages['systems/memory/messages/de.json'] = words;
  return site;
}

test('a second locale is a file', () => {
  const site = withGerman({
    title: 'Speicher',
    sections: { growth: { title: 'Wachstum' } },
    summary: ['Gewichte und Cache.'],
  });
  expect(siteProblems(site)).toEqual([]);
  const page = defined(readSample(site).pages.get('system.memory'), 'the sample has this page');
  const german = defined(page.locales.get('de'), 'the page has this locale');
  expect([...page.locales.keys()]).toEqual(['en', 'de']);
  expect({ title: german.title, summary: german.summary, sections: german.sections }).toMatchInlineSnapshot(`
    {
      "sections": {
        "growth": {
          "body": [
            "A token takes {kv-per-token} [@kwon-2023-pagedattention].",
          ],
          "title": "Wachstum",
        },
        "what-it-is": {
          "body": [
            "See [below](#growth) or [plan](/planner).",
            [
              "One.",
              "Two.",
            ],
          ],
          "title": "What it is",
        },
      },
      "summary": [
        "Gewichte und Cache.",
      ],
      "title": "Speicher",
    }
  `);
  expect(page.untranslated.get('de')).toMatchInlineSnapshot(`
    [
      "description",
      "sections.what-it-is.title",
      "sections.what-it-is.body",
      "sections.growth.body",
      "figures.flow.alt",
      "figures.flow.caption",
      "figures.flow.nodes.weights.label",
      "figures.flow.nodes.cache.label",
      "figures.flow.nodes.cache.note",
      "figures.flow.edges.weights->cache",
      "islands.ledger.title",
      "related.tutorial.memory-wall",
    ]
  `);
});

test('keys that English does not have are refused with the nearest one', () => {
  const site = withGerman({
    titel: 'Speicher',
    sections: { grwoth: { title: 'Wachstum' }, growth: 'Wachstum' },
  });
  expect(readSample(site).problems.map(formatContentProblem)).toMatchInlineSnapshot(`
    [
      "docs/systems/memory/messages/de.json: titel: unknown key; nearest: "title"",
      "docs/systems/memory/messages/de.json: sections.grwoth: unknown key; nearest: "growth"",
      "docs/systems/memory/messages/de.json: sections.growth: is a table of texts in English",
    ]
  `);
});

test('a translated text is read by the rules of the English one', () => {
  expect(
    siteProblems(withGerman({ summary: ['Siehe [hier](#growht) und {kv-per-tokn}.'] })),
  ).toMatchInlineSnapshot(`
    [
      "docs/systems/memory/messages/de.json: summary[0]: link to "#growht": no section "growht" there; nearest: "growth"",
      "docs/systems/memory/messages/de.json: summary[0]: {kv-per-tokn} is not computed by numbers.ts of this page; nearest: "kv-per-token"",
    ]
  `);
  expect(siteProblems(withGerman({ summary: 'Speicher' }))).toMatchInlineSnapshot(`
    [
      "docs/systems/memory/messages/de.json: summary: "Speicher": Invalid input: expected array, received string",
    ]
  `);
  expect(siteProblems(withGerman({ title: '' }))).toMatchInlineSnapshot(`
    [
      "docs/systems/memory/messages/de.json: title: "": is empty",
    ]
  `);
});
