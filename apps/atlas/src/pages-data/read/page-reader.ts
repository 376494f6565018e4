/**
 * Reads page folders: page.mdx (structure), messages/<locale>.json (words), assets.json (pictures), and the presence of
 * numbers.ts and cells (code). The site renders the result and the check judges it, so both see the same page.
 */
import {
  type ContentProblem,
  nearestHint,
  type PageKind,
  pageFolders,
  type TextFiles,
} from '@plimsoll/registry/pages';
import { parseContent } from '@plimsoll/registry/schema';
import { z } from 'zod';
import { mergeMessages } from './locale-messages.ts';
import { type Assets, assetsSchema, type Messages, messagesSchema } from './messages-schema.ts';
import { type PageStructure, parsePageStructure } from './page-structure.ts';

export const sourceLocale = 'en';

export interface Page {
  /** `system.memory`: kind and slug from the folder. */
  readonly id: string;
  readonly kind: PageKind;
  readonly slug: string;
  /** Folder from the repository's root. */
  readonly folder: string;
  readonly structure: PageStructure;
  /** English, complete. */
  readonly messages: Messages;
  /** Every locale, English included; complete by falling back to English. */
  readonly locales: ReadonlyMap<string, Messages>;
  /** Locale -> keys that it leaves to English. */
  readonly untranslated: ReadonlyMap<string, readonly string[]>;
  readonly assets: Assets;
  /** Ids of the code cells: `cells/<id>.ts`. */
  readonly cells: readonly string[];
  readonly hasNumbers: boolean;
  /** Whether exercises.ts has the keys of its exercises. */
  readonly hasExercises: boolean;
}

/** Folder under content/docs -> the kind of page it holds. */
const kinds: Readonly<Record<string, PageKind>> = pageFolders;

/** All pages that can be read, by id, and the problems of the others. `files` is the folder content/docs. */
export function readPages(files: TextFiles): {
  readonly pages: ReadonlyMap<string, Page>;
  readonly problems: readonly ContentProblem[];
} {
  const problems: ContentProblem[] = [];
  const pages = new Map<string, Page>();
  const folders = new Set<string>();
  for (const path of files.paths) {
    const [kind = '', slug = '', ...rest] = path.split('/');
    if (Object.hasOwn(kinds, kind) && rest.length > 0) folders.add(`${kind}/${slug}`);
    else {
      const hint = nearestHint(kind, Object.keys(kinds));
      problems.push({
        file: `${files.root}/${path}`,
        key: '',
        problem: `belongs to no page: <kind>/<slug>/${hint}`,
      });
    }
  }
  for (const folder of folders) {
    const read = readPage(filesOf(files, folder), kinds[folder.split('/')[0] ?? ''] ?? 'system');
    problems.push(...read.problems);
    if (read.page !== undefined) pages.set(read.page.id, read.page);
  }
  return { pages, problems };
}

/** The files of one page. */
interface PageFiles {
  /** `system.memory`, from the folder. */
  readonly id: string;
  readonly folder: string;
  readonly names: readonly string[];
  /** The text of a file; undefined if the page does not have it. */
  read(name: string): { readonly file: string; readonly text: string } | undefined;
}

function filesOf(files: TextFiles, folder: string): PageFiles {
  const [kindFolder = '', slug = ''] = folder.split('/');
  const names = files.paths
    .filter((path) => path.startsWith(`${folder}/`))
    .map((path) => path.slice(folder.length + 1));
  const root = `${files.root}/${folder}`;
  return {
    id: `${kinds[kindFolder]}.${slug}`,
    folder: root,
    names,
    read: (name) =>
      names.includes(name) ? { file: `${root}/${name}`, text: files.read(`${folder}/${name}`) } : undefined,
  };
}

function readPage(
  files: PageFiles,
  kind: PageKind,
): { readonly page?: Page; readonly problems: readonly ContentProblem[] } {
  const { id, folder, names } = files;
  const problems: ContentProblem[] = names.flatMap((name) => strayProblem(`${folder}/${name}`, name));
  const structure = readStructure(files);
  const assets = parseContent(
    assetsSchema,
    files.read('assets.json') ?? { file: `${folder}/assets.json`, text: '{}' },
  );
  const words = readMessages(files);
  problems.push(...structure.problems, ...assets.problems, ...words.problems);
  if (!structure.structure || !words.messages || !assets.value) return { problems };
  const page = {
    id,
    kind,
    slug: id.slice(kind.length + 1),
    folder,
    structure: structure.structure,
    messages: words.messages,
    locales: words.locales,
    untranslated: words.untranslated,
    assets: assets.value,
    cells: names.flatMap((name) => /^cells\/([a-z0-9-]+)\.ts$/.exec(name)?.[1] ?? []),
    hasNumbers: names.includes('numbers.ts'),
    hasExercises: names.includes('exercises.ts'),
  };
  return { page, problems };
}

function readStructure(files: PageFiles): ReturnType<typeof parsePageStructure> {
  const source = files.read('page.mdx');
  if (source === undefined) return { problems: [missing(files, 'page.mdx')] };
  const parsed = parsePageStructure(source);
  const record = parsed.structure?.record ?? files.id;
  if (record === files.id) return parsed;
  const problem = `"${record}" is not the record of this folder; nearest: "${files.id}"`;
  return { problems: [{ file: source.file, key: 'record', problem }] };
}

interface PageWords {
  readonly messages?: Messages;
  readonly locales: ReadonlyMap<string, Messages>;
  readonly untranslated: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly ContentProblem[];
}

function readMessages(files: PageFiles): PageWords {
  const name = `messages/${sourceLocale}.json`;
  const source = files.read(name);
  const locales = new Map<string, Messages>();
  const untranslated = new Map<string, readonly string[]>();
  if (source === undefined) return { locales, untranslated, problems: [missing(files, name)] };
  const english = parseContent(messagesSchema, source);
  if (english.value === undefined) return { locales, untranslated, problems: english.problems };
  locales.set(sourceLocale, english.value);
  const problems: ContentProblem[] = [];
  for (const other of files.names) {
    const locale = /^messages\/([\w-]+)\.json$/.exec(other)?.[1];
    const translation = locale === sourceLocale ? undefined : files.read(other);
    if (locale === undefined || translation === undefined) continue;
    const read = readLocale(english.value, translation);
    problems.push(...read.problems);
    locales.set(locale, read.messages);
    untranslated.set(locale, read.missing);
  }
  return { messages: english.value, locales, untranslated, problems };
}

/** Lays a locale's words over the English words. If the locale has problems, English alone. */
function readLocale(
  english: Messages,
  source: { readonly file: string; readonly text: string },
): {
  readonly messages: Messages;
  readonly missing: readonly string[];
  readonly problems: readonly ContentProblem[];
} {
  const own = parseContent(z.json(), source);
  if (own.value === undefined) return { messages: english, missing: [], problems: own.problems };
  const { merged, missing, problems } = mergeMessages(english, own.value, source.file);
  const parsed = parseContent(messagesSchema, { file: source.file, text: JSON.stringify(merged) });
  return { messages: parsed.value ?? english, missing, problems: [...problems, ...parsed.problems] };
}

function missing({ folder, id }: PageFiles, name: string): ContentProblem {
  return { file: `${folder}/${name}`, key: '', problem: `the page ${id} lacks this file` };
}

/** Refuses a file that no reader reads: it would look used. */
function strayProblem(file: string, name: string): readonly ContentProblem[] {
  if (/^(?:page\.mdx|assets\.json|messages\/[a-z]{2}(?:-[A-Z]{2})?\.json)$/.test(name)) return [];
  if (/^(?:cells\/)?[a-z0-9-]+(?:\.test)?\.ts$/.test(name)) return [];
  const known = ['page.mdx', 'assets.json', 'numbers.ts', 'messages/en.json', 'cells/<id>.ts'];
  return [{ file, key: '', problem: `is no part of a page${nearestHint(name, known)}` }];
}
