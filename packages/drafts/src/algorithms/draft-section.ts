/** Checks the draft's section of a recipe against the schema of its algorithm. */
import { PlimsollError } from '@plimsoll/foundation';
import { jsonPreview } from '@plimsoll/foundation/json-preview';
import type { z } from 'zod';

/** Throws `bad-draft-config` with the first key that breaks the schema. */
export function parseDraftSection<Draft>(
  schema: z.ZodType<Draft>,
  section: Readonly<Record<string, unknown>>,
  strategy: string,
): Draft {
  const result = schema.safeParse(section);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const [key = ''] = (issue?.path ?? []).map(String);
  const problem = issue?.message ?? 'the section does not fit the schema';
  throw new PlimsollError({
    code: 'bad-draft-config',
    message: `draft${key === '' ? '' : `.${key}`} of ${strategy}: ${problem}`,
    value: jsonPreview(key === '' ? section : section[key]),
    limit: problem,
    hint: `correct the section draft of the recipe`,
  });
}
