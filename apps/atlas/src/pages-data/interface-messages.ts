/**
 * The words of the site around its pages, by locale: the interface, which its components know key by key, and the labels of
 * tags, which belong to records and are judged against them here.
 */
import type { AtlasRecords } from '@plimsoll/registry/authoring';
import { type ContentProblem, nearestHint, type TextFiles } from '@plimsoll/registry/pages';
import { parseContent } from '@plimsoll/registry/schema';
import { z } from 'zod';
import { mergeMessages } from './locale-messages.ts';
import { sourceLocale } from './page-reader.ts';

const text = z.string().trim().min(1, 'is empty');

const interfaceSchema = z.strictObject({
  /** Sentences and labels in nested tables; which ones is the components' concern, and a type of theirs. */
  interface: z.record(z.string(), z.json()),
  tags: z.record(z.string(), z.strictObject({ label: text, description: text })),
});

export interface InterfaceMessages {
  /** Locale -> tag id -> label, English where the locale has none. */
  readonly tagLabels: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Locale -> keys that it leaves to English. */
  readonly untranslated: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly ContentProblem[];
}

/** `files` holds `<locale>.json` of each locale. */
export function readInterfaceMessages(files: TextFiles, tags: AtlasRecords['tags']): InterfaceMessages {
  const tagLabels = new Map<string, ReadonlyMap<string, string>>();
  const untranslated = new Map<string, readonly string[]>();
  const file = `${files.root}/${sourceLocale}.json`;
  if (!files.paths.includes(`${sourceLocale}.json`)) {
    return { tagLabels, untranslated, problems: [{ file, key: '', problem: 'the site lacks this file' }] };
  }
  const english = parseContent(interfaceSchema, { file, text: files.read(`${sourceLocale}.json`) });
  if (english.value === undefined) return { tagLabels, untranslated, problems: english.problems };
  const problems: ContentProblem[] = [...tagProblems(file, Object.keys(english.value.tags), tags)];
  for (const path of files.paths) {
    const locale = path.replace(/\.json$/, '');
    const own = parseContent(z.json(), { file: `${files.root}/${path}`, text: files.read(path) });
    const merged = mergeMessages(english.value, own.value ?? {}, `${files.root}/${path}`);
    const parsed = parseContent(interfaceSchema, {
      file: `${files.root}/${path}`,
      text: JSON.stringify(merged.merged),
    });
    problems.push(...own.problems, ...merged.problems, ...parsed.problems);
    if (locale !== sourceLocale) untranslated.set(locale, merged.missing);
    const labels = Object.entries((parsed.value ?? english.value).tags);
    tagLabels.set(locale, new Map(labels.map(([id, { label }]) => [id, label])));
  }
  return { tagLabels, untranslated, problems };
}

function tagProblems(
  file: string,
  labelled: readonly string[],
  tags: AtlasRecords['tags'],
): readonly ContentProblem[] {
  const missing = [...tags.keys()]
    .filter((id) => !labelled.includes(id))
    .map((id) => ({ file, key: `tags.${id}`, problem: `is missing${nearestHint(id, labelled)}` }));
  const strange = labelled
    .filter((id) => !tags.has(id))
    .map((id) => ({ file, key: `tags.${id}`, problem: `is no tag${nearestHint(id, tags.keys())}` }));
  return [...missing, ...strange];
}
