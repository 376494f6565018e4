/**
 * What a page's messages may say: every sentence a reader sees, by key. `messages/en.json` is complete; another locale may
 * leave keys out and falls back to English there. Inline text is the small Markdown of inline-text.ts.
 */
import { z } from 'zod';
import { islandKinds } from './island-kinds.ts';

const text = z.string().trim().min(1, 'is empty');
const texts = z.array(text).min(1, 'is empty');
const row = z.array(z.string()).min(1, 'is empty');

const table = z
  .strictObject({ caption: text, head: row, rows: z.array(row).min(1, 'is empty') })
  .superRefine(({ head, rows }, context) => {
    for (const [index, cells] of rows.entries()) {
      if (cells.length === head.length) continue;
      const message = `has ${cells.length} cells under ${head.length} heads`;
      context.addIssue({ code: 'custom', path: ['rows', index], message });
    }
  });

/** A paragraph, a bulleted list, a numbered list, a table, or a formula with its terms. */
export const blockSchema = z.union(
  [
    text,
    texts,
    z.strictObject({ steps: texts }),
    z.strictObject({ table }),
    z.strictObject({ formula: text, where: z.record(z.string(), text).optional() }),
  ],
  { error: 'is no block: a text, a list of texts, { steps }, { table } or { formula, where }' },
);

const blocks = z.array(blockSchema);

const sectionSchema = z.strictObject({ title: text, body: blocks });

const figureSchema = z.strictObject({
  /** The text for a reader who does not see the figure. */
  alt: text,
  caption: text,
  /** Words of its graph, by node, and by edge as "<from>-><to>". */
  nodes: z.record(z.string(), z.strictObject({ label: text, note: text.optional() })),
  edges: z.record(z.string(), text).optional(),
});

/** Words of an interactive piece: its heading, a sentence on what to do, and labels by name. */
const islandSchema = z.strictObject({
  title: text,
  lead: text.optional(),
  labels: z.record(z.string(), text).optional(),
});

/** Words around a code cell: what it computes, its inputs by name, and labels of what comes out by name. */
const cellSchema = z.strictObject({
  title: text,
  lead: blocks.optional(),
  inputs: z
    .record(
      z.string(),
      z.strictObject({
        label: text,
        note: text.optional(),
        choices: z.record(z.string(), text).optional(),
      }),
    )
    .optional(),
  labels: z.record(z.string(), text).optional(),
  /** What the output shows. It follows the output. */
  reading: blocks.optional(),
});

const exerciseSchema = z.strictObject({
  title: text.optional(),
  question: blocks,
  /** Offered answers by name; absent where the reader types a number. */
  choices: z.record(z.string(), text).optional(),
  /** Shown when the answer is right, wrong, or asked for. */
  hint: text.optional(),
  right: text.optional(),
  wrong: text.optional(),
  answer: blocks,
});

export const messagesSchema = z.strictObject({
  title: text,
  /** For search results and link previews. */
  description: text,
  /** One paragraph each; opens the page. */
  summary: texts,
  sections: z.record(z.string(), sectionSchema),
  figures: z.record(z.string(), figureSchema).optional(),
  islands: z.record(z.string(), islandSchema).optional(),
  cells: z.record(z.string(), cellSchema).optional(),
  exercises: z.record(z.string(), exerciseSchema).optional(),
  /** Record id -> why a reader of this page would go there. */
  related: z.record(z.string(), text),
});

export type Block = z.infer<typeof blockSchema>;
export type Messages = z.infer<typeof messagesSchema>;

/** JSON values, for parts whose meaning belongs to the component that reads them. */
const json = z.json();

/** What assets.json may say: every id that page.mdx uses for a figure or an island resolves here. */
export const assetsSchema = z.strictObject({
  figures: z.record(z.string(), z.strictObject({ kind: z.literal('graph'), graph: text })).optional(),
  islands: z
    .record(
      z.string(),
      z.strictObject({ kind: z.enum(islandKinds), defaults: z.record(z.string(), json).optional() }),
    )
    .optional(),
});

export type Assets = z.infer<typeof assetsSchema>;
