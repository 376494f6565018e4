/**
 * Reads the words of the site around its pages, by locale: the interface, whose keys the components know, and the labels of
 * tags, which this file compares with the tag records.
 */
import type { AtlasRecords } from '@plimsoll/registry/authoring';
import { type ContentProblem, nearestHint, type TextFiles } from '@plimsoll/registry/pages';
import { parseContent } from '@plimsoll/registry/schema';
import { z } from 'zod';
import { mergeMessages } from './locale-messages.ts';
import { sourceLocale } from './page-reader.ts';

const text = z.string().trim().min(1, 'is empty');

const interfaceSchema = z.strictObject({
  /** Sentences and labels in nested tables. The components know the keys, and their types say which. */
  interface: z.record(z.string(), z.json()),
  tags: z.record(z.string(), z.strictObject({ label: text, description: text })),
});

/** The part of the interface that search reads: words that find the pages without a record. */
const searchedSchema = z.object({
  interface: z.object({
    search: z.object({
      pages: z.record(z.string(), z.strictObject({ title: text, summary: text, aliases: z.array(text) })),
    }),
  }),
});

/** Search words of the planner and the lists, which have neither a record nor messages of their own. */
export interface SitePageWords {
  readonly title: string;
  readonly summary: string;
  readonly aliases: readonly string[];
}

export interface InterfaceMessages {
  /** Locale -> page without a record -> its search words; empty if the interface has none. */
  readonly sitePages: ReadonlyMap<string, Readonly<Record<string, SitePageWords>>>;
  /** Locale -> tag id -> label, English where the locale has none. */
  readonly tagLabels: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Locale -> keys that it leaves to English. */
  readonly untranslated: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly ContentProblem[];
}

/** Compares the keys of further locales with the English keys, for words that only components understand. */
export function readOverlaidMessages(files: TextFiles): Omit<InterfaceMessages, 'tagLabels' | 'sitePages'> {
  const untranslated = new Map<string, readonly string[]>();
  const problems: ContentProblem[] = [];
  const english = readJson(files, `${sourceLocale}.json`, problems);
  for (const path of files.paths.filter((name) => name !== `${sourceLocale}.json`)) {
    const merged = mergeMessages(english, readJson(files, path, problems), `${files.root}/${path}`);
    problems.push(...merged.problems);
    untranslated.set(path.replace(/\.json$/, ''), merged.missing);
  }
  return { untranslated, problems };
}

function readJson(files: TextFiles, path: string, problems: ContentProblem[]): unknown {
  const file = `${files.root}/${path}`;
  if (!files.paths.includes(path)) {
    problems.push({ file, key: '', problem: 'the site lacks this file' });
    return {};
  }
  const parsed = parseContent(z.json(), { file, text: files.read(path) });
  problems.push(...parsed.problems);
  return parsed.value ?? {};
}

/** `files` holds `<locale>.json` of each locale. */
export function readInterfaceMessages(files: TextFiles, tags: AtlasRecords['tags']): InterfaceMessages {
  const { untranslated, problems: overlaid } = readOverlaidMessages(files);
  if (overlaid.length > 0)
    return { tagLabels: new Map(), sitePages: new Map(), untranslated, problems: overlaid };
  const english: unknown = JSON.parse(files.read(`${sourceLocale}.json`));
  const problems: ContentProblem[] = [];
  const sitePages = new Map<string, Readonly<Record<string, SitePageWords>>>();
  const tagLabels = new Map<string, ReadonlyMap<string, string>>();
  for (const path of files.paths) {
    const file = `${files.root}/${path}`;
    const { merged } = mergeMessages(english, JSON.parse(files.read(path)), file);
    const parsed = parseContent(interfaceSchema, { file, text: JSON.stringify(merged) });
    problems.push(...parsed.problems);
    const searched = searchedSchema.safeParse(merged);
    if (searched.success) sitePages.set(path.replace(/\.json$/, ''), searched.data.interface.search.pages);
    const labels = Object.entries(parsed.value?.tags ?? {});
    tagLabels.set(path.replace(/\.json$/, ''), new Map(labels.map(([id, { label }]) => [id, label])));
    if (path === `${sourceLocale}.json` && parsed.value !== undefined) {
      problems.push(...tagProblems(file, Object.keys(parsed.value.tags), tags));
    }
  }
  return { tagLabels, sitePages, untranslated, problems };
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
