/**
 * What the records above the atlas may say: pages (systems, glossary, tutorials), the graphs they show, the tags that
 * group them and the works they cite. Records define meaning and relations; the words are in messages beside each page.
 * For tests, tools and the site's build: programs that only read shipped data import the types.
 */
import { z } from 'zod';

/** Lower case words with hyphens between: `kv-cache`, `kwon-2023-pagedattention`. */
const slugPattern = '[a-z0-9]+(?:-[a-z0-9]+)*';
const slug = z.string().regex(new RegExp(`^${slugPattern}$`), 'a slug is kebab case');

function idOf(kinds: string, example: string): z.ZodString {
  return z.string().regex(new RegExp(`^(?:${kinds})\\.${slugPattern}$`), `an id such as "${example}"`);
}

const pageId = idOf('system|glossary|tutorial', 'system.memory');

function distinct<Item extends z.ZodType<string>>(item: Item): z.ZodArray<Item> {
  return z.array(item).refine((values) => new Set(values).size === values.length, 'names an entry twice');
}

/** An id is its kind and slug: a reference then says what it refers to, and a file is found without an index. */
function checkId(record: { id: string; kind: string; slug: string }, context: z.RefinementCtx): void {
  const expected = `${record.kind}.${record.slug}`;
  if (record.id === expected) return;
  const message = `the id is kind and slug; nearest: "${expected}"`;
  context.addIssue({ code: 'custom', path: ['id'], message });
}

export const pageRecordSchema = z
  .strictObject({
    id: pageId,
    kind: z.enum(['system', 'glossary', 'tutorial']),
    slug,
    /** Words a reader may search by; a query that equals one puts this page first. The title is one already. */
    aliases: distinct(z.string().min(1)),
    tags: distinct(idOf('tag', 'tag.capacity')).min(1, 'a page has a tag'),
    /** Pages a reader goes to from here. Each of them names this page as well. */
    related: distinct(pageId).min(1, 'a page is related to another'),
    citations: distinct(idOf('citation', 'citation.kwon-2023-pagedattention')).min(1, 'a page cites a work'),
    /** Place among the pages of its kind; pages without one follow, by title. */
    order: z.int().positive().optional(),
  })
  .superRefine(checkId);

export const graphSchema = z.strictObject({
  id: idOf('graph', 'graph.memory-system-flow'),
  kind: z.literal('graph'),
  /** The page it explains. */
  subject: pageId,
  /** Where reading starts; every node is reached from here. */
  root: slug,
  nodes: distinct(slug).min(2, 'a graph has two nodes'),
  edges: z.array(
    z.strictObject({
      from: slug,
      to: slug,
      /** `feedback` acts against the flow, and is drawn so. Absent means `flow`. */
      kind: z.enum(['flow', 'feedback']).optional(),
    }),
  ),
});

export const tagSchema = z
  .strictObject({ id: idOf('tag', 'tag.capacity'), kind: z.literal('tag'), slug })
  .superRefine(checkId);

export const citationSchema = z.strictObject({
  id: idOf('citation', 'citation.kwon-2023-pagedattention'),
  kind: z.literal('citation'),
  form: z.enum(['paper', 'documentation', 'source', 'specification', 'article']),
  title: z.string().min(1),
  /** People, or the organisation where no people are named. */
  authors: z.array(z.string().min(1)).min(1, 'a work has an author'),
  year: z.int().min(1950).max(2100),
  /** Conference, journal or publisher: "SOSP 2023". */
  venue: z.string().min(1).optional(),
  url: z.url({ protocol: /^https$/ }),
});

export type PageRecord = Readonly<z.infer<typeof pageRecordSchema>>;
export type PageKind = PageRecord['kind'];
export type GraphRecord = Readonly<z.infer<typeof graphSchema>>;
export type TagRecord = Readonly<z.infer<typeof tagSchema>>;
export type CitationRecord = Readonly<z.infer<typeof citationSchema>>;
