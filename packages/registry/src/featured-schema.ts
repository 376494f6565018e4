/**
 * Records that many people ask for, in display order. The start page, the page of every device, and lists with no
 * search text show them first; search ranks them first among equal matches. The selection is editorial, so it is data
 * that anyone can change; one record of each size and kind is enough, because search finds all others.
 */
import { z } from 'zod';
import { nearestHint } from './nearest-name.ts';

/** Path of the list in the data directory. */
export const featuredPath = 'featured.json';

const ids = z
  .array(z.string().min(1))
  .min(1)
  .refine((values) => new Set(values).size === values.length, 'names a record twice');

export const featuredSchema = z.strictObject({
  /** Hugging Face ids in their original capitals. */
  models: ids,
  /** Device ids; for a device with several amounts of memory, the id of a variant. */
  hardware: ids,
});

export type Featured = Readonly<z.infer<typeof featuredSchema>>;

/** Names each featured id that has no record, with the nearest id that has a record. */
export function featuredProblems(featured: readonly string[], known: ReadonlySet<string>): readonly string[] {
  return featured
    .filter((id) => !known.has(id))
    .map((id) => `"${id}" has no record${nearestHint(id, known)}`);
}
