/** The words of a locale, for the templates that render islands. They cross into the page as properties. */
import english from '../content/island-messages/en.json' with { type: 'json' };
import type { IslandWords } from './words.ts';

const locales = import.meta.glob<Partial<IslandWords>>('../content/island-messages/*.json', {
  import: 'default',
  eager: true,
});

export function islandWords(locale: string): IslandWords {
  const own = locales[`../content/island-messages/${locale}.json`] ?? {};
  const merged = Object.entries(english).map(([island, words]) => [
    island,
    { ...words, ...own[island as keyof IslandWords] },
  ]);
  return Object.fromEntries(merged) as IslandWords;
}
