/**
 * Limits on the length and difficulty of a page's words. CONTRIBUTING.md states them for writers. They keep English plain for
 * technical people who are new to the subject. A translation may have any length, except for its description, which every
 * search engine cuts at the same place.
 */
import type { ContentProblem } from '@plimsoll/registry/pages';
import { parseInline, plainText } from '../read/inline-text.ts';
import { type MessageText, messageTexts } from '../read/message-texts.ts';
import type { Page } from '../read/page-reader.ts';
import { allElements } from '../read/page-structure.ts';
import { readingGrade, sentencesOf, wordsOf } from './reading-level.ts';

interface Range {
  readonly min: number;
  readonly max: number;
}

const proseLimits = {
  titleCharacters: { min: 1, max: 60 },
  /** Search engines cut longer ones, and shorter ones say too little to choose by. */
  descriptionCharacters: { min: 60, max: 160 },
  altCharacters: { min: 20, max: 400 },
  captionCharacters: { min: 10, max: 300 },
  reasonCharacters: { min: 10, max: 100 },
  summaryWords: { min: 30, max: 130 },
  /** A section without subsections that only shows a table or a figure needs no words of its own. */
  sectionWords: { min: 0, max: 250 },
  paragraphWords: { min: 1, max: 90 },
  sentenceWords: { min: 1, max: 40 },
  pageWords: { min: 100, max: 2000 },
  sections: { min: 2, max: 20 },
  /** Years of school after Flesch and Kincaid; a newspaper is written for grade 8 to 12. */
  readingGrade: { min: 0, max: 9 },
} as const satisfies Readonly<Record<string, Range>>;

type Limit = keyof typeof proseLimits;

/** `numberText` gives a computed number as the page shows it. */
export function proseProblems(page: Page, numberText: (name: string) => string): readonly ContentProblem[] {
  const file = `${page.folder}/messages/en.json`;
  const problems: ContentProblem[] = [];
  const measure = (key: string, limit: Limit, value: number): void => {
    const { min, max } = proseLimits[limit];
    if (value >= min && value <= max) return;
    const [what, bound] = value < min ? ['least', min] : ['most', max];
    const shown = Number.isInteger(value) ? value : value.toFixed(1);
    problems.push({ file, key, problem: `${shown} ${unitOf(limit)}, the ${what} is ${bound}` });
  };
  const texts = messageTexts(page.messages).map((text) => ({ ...text, plain: plain(text.text, numberText) }));
  for (const text of texts) measureText(text, measure);
  const prose = texts.filter(({ role, key }) => role === 'prose' && !key.startsWith('related.'));
  const wordsUnder = (prefix: string): number =>
    prose
      .filter(({ key }) => key.startsWith(prefix))
      .reduce((sum, text) => sum + wordsOf(text.plain).length, 0);
  measure('summary', 'summaryWords', wordsUnder('summary['));
  measure('', 'pageWords', wordsUnder(''));
  measure('sections', 'sections', Object.keys(page.messages.sections).length);
  measure('', 'readingGrade', readingGrade(prose.map((text) => text.plain)));
  for (const { component, id, children } of allElements(page.structure.elements)) {
    if (component !== 'Section') continue;
    measure(`sections.${id}`, 'sectionWords', wordsUnder(`sections.${id}.`));
    if (page.messages.sections[id]?.body.length === 0 && children.length === 0) {
      problems.push({ file, key: `sections.${id}.body`, problem: 'the section shows nothing' });
    }
  }
  for (const [locale, { description }] of page.locales) {
    const { max } = proseLimits.descriptionCharacters;
    if (locale === 'en' || description.length <= max) continue;
    const problem = `${description.length} characters, the most is ${max}`;
    problems.push({ file: `${page.folder}/messages/${locale}.json`, key: 'description', problem });
  }
  return problems;
}

function measureText(
  { key, role, plain: text }: MessageText & { readonly plain: string },
  measure: (key: string, limit: Limit, value: number) => void,
): void {
  if (role === 'title') measure(key, 'titleCharacters', text.length);
  if (role === 'description') measure(key, 'descriptionCharacters', text.length);
  if (/^figures\.[^.]+\.alt$/.test(key)) measure(key, 'altCharacters', text.length);
  if (/^figures\.[^.]+\.caption$/.test(key)) measure(key, 'captionCharacters', text.length);
  if (key.startsWith('related.')) measure(key, 'reasonCharacters', text.length);
  if (role !== 'prose') return;
  measure(key, 'paragraphWords', wordsOf(text).length);
  measure(key, 'sentenceWords', Math.max(...sentencesOf(text).map((sentence) => wordsOf(sentence).length)));
}

function plain(text: string, numberText: (name: string) => string): string {
  return plainText(parseInline(text).nodes, numberText);
}

/** `sentenceWords` -> `words in a sentence`. */
function unitOf(limit: Limit): string {
  if (limit === 'readingGrade') return 'is the reading grade';
  const [, subject = '', unit = ''] = /^([a-z]+)(Words|Characters)?$/.exec(limit) ?? [];
  return unit === '' ? subject : `${unit.toLowerCase()} in this ${subject}`;
}
