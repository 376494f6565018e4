/**
 * The languages of the site. English is the language of the files and has the addresses at the root. A further language is a
 * file next to content/messages/en.json; its addresses begin with its name, and it shows English for words that it lacks.
 */
import { defined } from '@plimsoll/foundation';
import english from '../content/messages/en.json' with { type: 'json' };
import { mergeMessages } from '../pages-data/read/locale-messages.ts';

export type SiteWords = (typeof english)['interface'];

export interface Locale {
  /** `en`, `de`, `pt-BR`. */
  readonly code: string;
  /** What its addresses begin with: nothing for English, `/de`. */
  readonly prefix: string;
  readonly words: SiteWords;
  readonly tags: Readonly<Record<string, { readonly label: string; readonly description: string }>>;
}

const files = import.meta.glob<typeof english>('../content/messages/*.json', {
  import: 'default',
  eager: true,
});

/** All languages, English first. */
export const locales: readonly Locale[] = Object.entries(files)
  .map(([path, own]) => {
    const code = defined(/([\w-]+)\.json$/.exec(path)?.[1], `${path} names no language`);
    const { merged } = mergeMessages(english, own, path);
    // Laid over English, a language has every key that English has.
    const { interface: words, tags } = merged as typeof english;
    return { code, prefix: code === 'en' ? '' : `/${code.toLowerCase()}`, words, tags };
  })
  .sort((left, right) => Number(right.code === 'en') - Number(left.code === 'en'));

/** Puts values into a sentence: `fill('{count} models', { count: 3 })`. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{([a-zA-Z]+)\}/g, (mark, name: string) => String(values[name] ?? mark));
}

/** The value of `[...locale]` in a route's address. */
export function localeParameter({ prefix }: Locale): string | undefined {
  return prefix === '' ? undefined : prefix.slice(1);
}
