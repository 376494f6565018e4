/** The schema of the output of `plimsoll explain-log --json`. */
import { engineNames } from '@plimsoll/planner/engines';
import { z } from 'zod';

export const explainLog = z.strictObject({
  engine: z.enum(engineNames),
  release: z.string().nullable(),
  model: z.string().nullable(),
  hardware: z.string().nullable(),
  flags: z.string().describe('of the engine, as its command line has them'),
  figures: z.array(
    z.strictObject({
      name: z.string(),
      unit: z.enum(['GiB', 'tokens', 'times']),
      printed: z.number(),
      planned: z.number().nullable(),
    }),
  ),
  error: z
    .strictObject({ code: z.string(), line: z.int().nonnegative(), message: z.string() })
    .nullable()
    .describe('the error that ended the start; its line is counted from 1'),
  changes: z
    .array(z.strictObject({ flags: z.string(), starts: z.boolean(), command: z.string().nullable() }))
    .describe(
      'the smallest changes, each planned; without a model or a device those that the log suggests, which are not planned',
    ),
  notUnderstood: z.array(z.string()),
});
