/**
 * Schemas of the atlas's records: pages (systems, glossary, tutorials), the graphs they show, the tags that group them
 * and the works they cite. Records define meaning and relations; each page's messages hold the words. Tests, tools and
 * the site's build use the schemas; programs that only read shipped data import the types.
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

/**
 * Checks that an id is its kind and slug: a reference then says what it refers to, and its file is found without an
 * index.
 */
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
    /**
     * Words that a reader may search for; a query that equals an alias puts this page first. The title already counts
     * as an alias.
     */
    aliases: distinct(z.string().min(1)),
    tags: distinct(idOf('tag', 'tag.capacity')).min(1, 'a page has a tag'),
    /** Pages that a reader goes to from here. Each of them also names this page. */
    related: distinct(pageId).min(1, 'a page is related to another'),
    citations: distinct(idOf('citation', 'citation.kwon-2023-pagedattention')).min(1, 'a page cites a work'),
    /** Position among the pages of its kind; pages without a position follow, sorted by title. */
    order: z.int().positive().optional(),
  })
  .superRefine(checkId);

export const graphSchema = z.strictObject({
  id: idOf('graph', 'graph.memory-system-flow'),
  kind: z.literal('graph'),
  /** The page that the graph explains. */
  subject: pageId,
  /** The node where reading starts; every node is reachable from it. */
  root: slug,
  nodes: distinct(slug).min(2, 'a graph has two nodes'),
  edges: z.array(
    z.strictObject({
      from: slug,
      to: slug,
      /** A `feedback` edge runs against the flow, and the drawing shows it. Absent means `flow`. */
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
  /** People, or the organisation if no people are named. */
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
