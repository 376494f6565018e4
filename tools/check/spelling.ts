/**
 * Checks the English words of the atlas against a dictionary and the project's own list, one word per line. An unknown
 * word is reported with the nearest known words; an unused word of the list is only a remark.
 */
import { join } from 'node:path';
import type { Check, Project } from './project.ts';

const wordList = 'tools/check/spelling-words.txt';
const pages = 'apps/atlas/src/content/docs';
/** Messages outside pages: of the interface, and of interactive pieces. */
const interfaceWords = /^apps\/atlas\/src\/content\/(?:[a-z]+-)*messages\/en\.json$/;
/** A suggestion takes a tenth of a second; the first suggestions are enough to see a pattern of mistakes. */
const suggestionsMax = 8;

export const spelling: Check = {
  name: 'spelling',
  run: async (project, remark) => {
    const words = await readWordList(project);
    const { unknownWords } = await import('../../apps/atlas/src/pages-data/judge/spelling.ts');
    const problems = [...words.problems];
    for (const { file, texts } of await readTexts(project)) {
      for (const { key, word } of unknownWords(texts, words.isKnown)) {
        problems.push(`${file}: ${key}: "${word}" is in no dictionary${words.hint(word)}`);
      }
    }
    const idle = words.idle();
    if (idle.length > 0) remark?.(`${wordList} has words that no text uses: ${idle.join(', ')}`);
    return problems;
  },
};

interface Words {
  isKnown(word: string): boolean;
  /** Returns the way out for an unknown word. */
  hint(word: string): string;
  /** Returns the entries of the list that no text uses. */
  idle(): readonly string[];
  readonly problems: readonly string[];
}

/** Loads dictionary and list. The check loads them when it runs, because the dictionary takes a quarter of a second. */
async function readWordList(project: Project): Promise<Words> {
  const [{ default: nspell }, { default: dictionary }] = await Promise.all([
    import('nspell'),
    import('dictionary-en'),
  ]);
  const speller = nspell(dictionary);
  const own = project
    .read(wordList)
    .split('\n')
    .filter((word) => word !== '');
  const unsorted = own.filter((word, index) => index > 0 && word <= (own[index - 1] ?? ''));
  const used = new Set<string>();
  const hints = new Map<string, string>();
  const inList = (word: string): boolean => {
    if (own.includes(word)) used.add(word);
    return own.includes(word);
  };
  return {
    // A word of the list may start a sentence in upper case.
    isKnown: (word) =>
      inList(word) || inList(word.slice(0, 1).toLowerCase() + word.slice(1)) || speller.correct(word),
    hint: (word) => {
      const known = hints.get(word);
      if (known !== undefined || hints.size >= suggestionsMax) return known ?? '';
      const nearest = speller.suggest(word).slice(0, 2);
      const quoted = nearest.map((other) => `"${other}"`).join(' or ');
      const hint = `${quoted === '' ? '' : `; nearest: ${quoted}`}; a right word goes to ${wordList}`;
      hints.set(word, hint);
      return hint;
    },
    idle: () => own.filter((word) => !used.has(word)),
    problems: unsorted.map((word) => `${wordList}: "${word}" is out of order or doubled`),
  };
}

interface TextFile {
  readonly file: string;
  readonly texts: readonly { readonly key: string; readonly text: string }[];
}

/** Reads the English texts of pages and interface. Another check reports pages that cannot be read. */
async function readTexts(project: Project): Promise<readonly TextFile[]> {
  const [{ readPages }, { messageTexts }, { openTextFolder }] = await Promise.all([
    import('../../apps/atlas/src/pages-data/read/page-reader.ts'),
    import('../../apps/atlas/src/pages-data/read/message-texts.ts'),
    import('../../packages/registry/src/text-folder.ts'),
  ]);
  const read = readPages(openTextFolder(join(project.root, pages), pages));
  const ofPages = [...read.pages.values()].map(({ folder, messages }) => ({
    file: `${folder}/messages/en.json`,
    texts: messageTexts(messages),
  }));
  const ofInterface = project.paths
    .filter((path) => interfaceWords.test(path))
    .map((file) => ({ file, texts: leafTexts(JSON.parse(project.read(file)), '') }));
  return [...ofPages, ...ofInterface];
}

/** Matches the ids and addresses in sentences that link to a page: `glossary.kv-cache`, `/planner`. */
const idOrAddress = /^[\w/-]*[./][\w./-]+$/;

/** Returns the texts of nested tables and lists with their places. */
function leafTexts(value: unknown, key: string): readonly { key: string; text: string }[] {
  if (typeof value === 'string') return idOrAddress.test(value) ? [] : [{ key, text: value }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    leafTexts(inner, key === '' ? name : `${key}.${name}`),
  );
}
