/**
 * Finds numbers that a writer typed. A statement about the world is computed ({name}) or its sentence has a citation; any
 * other number goes stale and no test notices. Digits, number words above ten, and smaller numbers with a unit of measure
 * count as typed. The following do not count, because they state nothing that could become wrong:
 *
 *   code and formulas            `--max-num-seqs 256`
 *   names                        H100, fp8, q4_0, 8B, EAGLE-2, Llama 3.1 8B (names of registry records, also their beginnings)
 *   ordinals                     11th
 *   widths of number formats     16 bits, 8-bit
 *   the unit itself              1 GiB, per million tokens
 *   small counts in words        two caches; with a unit they count: two percent
 *
 * `allowedNumbers` lists the few texts that may break the rule, each with its reason.
 */
import type { ContentProblem, TextFiles } from '@plimsoll/registry/pages';
import type { Registry } from '@plimsoll/registry/portable';
import { type Inline, parseInline } from '../read/inline-text.ts';
import { messageTexts } from '../read/message-texts.ts';
import type { Page } from '../read/page-reader.ts';
import { sentencesOf } from './reading-level.ts';

/** Words with a number in them that is neither computed nor cited, each with the reason why it may be typed. */
const allowedNumbers: Readonly<Record<string, string>> = {
  'a million tokens': 'the amount that prices of tokens are quoted for',
  'such as 4090 or h100': 'an example of what can be typed: the name of a card',
  '8192, 8k or 128k': 'examples of what can be typed: three ways to write a number of tokens',
};

/** Placeholders for parts that count as not typed, so that sentences keep their shape. No text has these characters. */
const computedSign = '\uE000';
const citationSign = '\uE001';
const nameSign = '\uE002';

const unit =
  '(?:%|percent|times|[x×]|fold|[kMGTP]i?B|[KMGT]iB|[KMGT]bit/s|bytes?|[nµm]?s|seconds?|minutes?|hours?|days?|W|watts?|USD|dollars?|cents?|[kK]|tokens?)';
const smallWords = 'two|three|four|five|six|seven|eight|nine|ten';
const largeWords =
  '(?:(?:thir|four|fif|six|seven|eigh|nine)teen|eleven|twelve|(?:twen|thir|for|fif|six|seven|eigh|nine)ty(?:-[a-z]+)?|hundreds?|thousands?|millions?|billions?|dozens?)';
/** "131,072", "3.5"; neither "v1.2.3" nor the end of a word. */
const digits = /(?<![\p{L}\p{N}_.,-]|[\p{L}_]-)\d+(?:,\d{3})*(?:\.\d+)?(?![\d])/gu;
const afterDigits = {
  ordinal: /^(?:st|nd|rd|th)\b/,
  formatWidth: /^(?:-bit|[ -]bits?)\b/,
  measure: new RegExp(`^[ -]?${unit}(?![\\p{L}\\p{N}])`, 'u'),
  /** "8B", "4_0", "70b-instruct": letters that are no unit make the number a name. */
  name: /^[\p{L}_]/u,
};
const measuredWords = new RegExp(
  `\\b(?:${smallWords})[ -](?:%|percent|times|fold|[kMGTP]i?B|[KMGT]iB|[nµm]s|(?:milli)?seconds?|minutes?|hours?|days?|dollars?)(?![\\p{L}\\p{N}])`,
  'giu',
);
/** "{parameters} billion" is computed, and "per million" a unit. */
const wordNumbers = new RegExp(`(?<!\\bper |${computedSign} )\\b${largeWords}\\b`, 'giu');

/** Names with digits in them, such as "Llama 3.1 8B" and "RTX 4090", from what registry records are called. */
export type NamePattern = RegExp | null;

/** A name counts with any of its beginnings that holds a digit, written with spaces or hyphens. */
export function namePatternOf(names: readonly string[]): NamePattern {
  const beginnings = new Set<string>();
  for (const name of names) {
    const words = name.split(/[\s/-]+/).filter((word) => word !== '');
    for (let length = 2; length <= words.length; length += 1) {
      const beginning = words.slice(0, length);
      if (/\d/.test(beginning.at(-1) ?? '') && /^\p{L}/u.test(name)) {
        beginnings.add(beginning.map((word) => RegExp.escape(word)).join('[ -]'));
      }
    }
  }
  if (beginnings.size === 0) return null;
  const longestFirst = [...beginnings].sort((first, second) => second.length - first.length);
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${longestFirst.join('|')})(?![\\p{L}\\p{N}])`, 'giu');
}

/** The typed numbers of one inline text, in its own spelling. */
export function bareNumbers(text: string, names: NamePattern): readonly string[] {
  return sentencesOf(signs(parseInline(text).nodes))
    .filter((sentence) => !sentence.includes(citationSign))
    .flatMap((sentence) => numbersIn(names === null ? sentence : sentence.replace(names, nameSign)));
}

function signs(nodes: readonly Inline[]): string {
  return nodes
    .map((node) => {
      if (node.kind === 'text') return node.text;
      if (node.kind === 'number') return computedSign;
      if (node.kind === 'citation') return citationSign;
      if (node.kind === 'code') return nameSign;
      // The words of a link to a registry record are its name.
      if (node.kind === 'link' && /^(?:model|hardware)\./.test(node.target)) return nameSign;
      return signs(node.children);
    })
    .join('');
}

function numbersIn(sentence: string): readonly string[] {
  const found: { readonly at: number; readonly text: string }[] = [];
  for (const match of sentence.matchAll(digits)) {
    const after = sentence.slice(match.index + match[0].length);
    const value = Number(match[0].replaceAll(',', ''));
    if (afterDigits.ordinal.test(after) || afterDigits.formatWidth.test(after)) continue;
    const measure = afterDigits.measure.exec(after)?.[0];
    if (measure === undefined && afterDigits.name.test(after)) continue;
    if (value === 1 || (value <= 10 && Number.isInteger(value) && measure === undefined)) continue;
    found.push({ at: match.index, text: `${match[0]}${measure ?? ''}` });
  }
  for (const match of [...sentence.matchAll(measuredWords), ...sentence.matchAll(wordNumbers)]) {
    found.push({ at: match.index, text: match[0] });
  }
  return found.sort((first, second) => first.at - second.at).map(({ text }) => text);
}

export interface WordsOfSite {
  readonly pages: ReadonlyMap<string, Page>;
  /** Folders of interface words, with one `<locale>.json` each. Their JSON has been checked. */
  readonly wordFiles: readonly TextFiles[];
  /** Its models and devices have names with numbers in them. */
  readonly registry: Pick<Registry, 'listModels' | 'listHardware'>;
}

/** Typed numbers in every text of the site, and allowances that no text uses. */
export function allBareNumberProblems({
  pages,
  wordFiles,
  registry,
}: WordsOfSite): readonly ContentProblem[] {
  const models = registry.listModels().map(({ id }) => id.slice(id.indexOf('/') + 1));
  // "NVIDIA RTX 4090" is also called "RTX 4090".
  const devices = registry.listHardware().flatMap(({ name }) => [name, name.slice(name.indexOf(' ') + 1)]);
  const names = namePatternOf([...models, ...devices]);
  const files = wordFiles.flatMap(({ root, paths, read }) =>
    paths.map((path) => ({ file: `${root}/${path}`, words: JSON.parse(read(path)) as unknown })),
  );
  const everything =
    JSON.stringify([...pages.values()].map(({ locales }) => [...locales])) + JSON.stringify(files);
  return [
    ...[...pages.values()].flatMap((page) => bareNumberProblems(page, names)),
    ...files.flatMap(({ file, words }) => bareInterfaceNumbers(file, words, names)),
    ...Object.keys(allowedNumbers)
      .filter((words) => !everything.includes(words))
      .map((words) => ({
        file: 'apps/atlas/src/pages-data/judge/bare-numbers.ts',
        key: '',
        problem: `"${words}" is in no text: take it out`,
      })),
  ];
}

/** Typed numbers of a page's words in every locale. Number words are English ones. */
export function bareNumberProblems(page: Page, names: NamePattern): readonly ContentProblem[] {
  return [...page.locales].flatMap(([locale, messages]) =>
    messageTexts(messages)
      .filter(({ role }) => role !== 'formula')
      .flatMap(({ key, text }) => problemsOf(`${page.folder}/messages/${locale}.json`, key, text, names)),
  );
}

/** Typed numbers in nested tables of interface words, where `{name}` is a placeholder. */
export function bareInterfaceNumbers(
  file: string,
  words: unknown,
  names: NamePattern,
  key = '',
): readonly ContentProblem[] {
  if (typeof words === 'string') {
    return problemsOf(file, key, words.replaceAll(/\{\w+\}/g, '{filled}'), names);
  }
  if (typeof words !== 'object' || words === null) return [];
  return Object.entries(words).flatMap(([name, value]) =>
    bareInterfaceNumbers(file, value, names, key === '' ? name : `${key}.${name}`),
  );
}

function problemsOf(file: string, key: string, text: string, names: NamePattern): readonly ContentProblem[] {
  const allowed = Object.keys(allowedNumbers).filter((words) => text.includes(words));
  const judged = allowed.reduce((rest, words) => rest.replaceAll(words, ''), text);
  return bareNumbers(judged, names).map((number) => ({
    file,
    key,
    problem: `"${number}" is typed: compute it in numbers.ts and write {name}, or cite its source`,
  }));
}
