/**
 * Records that many people ask for, in the order they are shown: on the start page, on the page of every device, first in
 * lists that nothing was typed into, and first among equals in search. A choice, so it is data that anyone can change; one
 * of each size and kind is enough, because all others are a search away.
 */
import { z } from 'zod';
import { nearestHint } from './nearest-name.ts';

/** Of the list, in the data directory. */
export const featuredPath = 'featured.json';

const ids = z
  .array(z.string().min(1))
  .min(1)
  .refine((values) => new Set(values).size === values.length, 'names a record twice');

export const featuredSchema = z.strictObject({
  /** Hugging Face ids, in their own capitals. */
  models: ids,
  /** Ids of devices; of one with several amounts of memory, the id of a variant. */
  hardware: ids,
});

export type Featured = Readonly<z.infer<typeof featuredSchema>>;

/** Names each featured id that has no record, with the nearest one that has. */
export function featuredProblems(featured: readonly string[], known: ReadonlySet<string>): readonly string[] {
  return featured
    .filter((id) => !known.has(id))
    .map((id) => `"${id}" has no record${nearestHint(id, known)}`);
}
