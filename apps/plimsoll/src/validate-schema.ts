/** JSON Schema of `plimsoll validate --json`. */
import { recordKinds } from '@plimsoll/planner/validation';
import { z } from 'zod';

const count = z.int().nonnegative();

const statistics = z.strictObject({
  count,
  medianError: z.number().describe('share: 0.01 is one percent'),
  p90Error: z.number(),
  meanError: z.number(),
  bias: z.number(),
});

const figures = z.record(
  z.string(),
  z.union([z.number(), z.null(), z.string(), z.record(z.string(), z.union([z.number(), z.null()]))]),
);

export const validateSchema = z.strictObject({
  summary: z.strictObject({
    kinds: z.array(z.enum(recordKinds)),
    records: count,
    supported: count,
    fields: z.record(z.string(), statistics),
    endToEnd: z.record(z.string(), statistics),
    knownUtilization: statistics.nullable(),
    worst: z.array(
      z.strictObject({
        id: z.string(),
        field: z.string(),
        predicted: z.number(),
        reported: z.number(),
        error: z.number(),
        cause: z.string(),
      }),
    ),
    unsupported: z.array(z.strictObject({ id: z.string(), reason: z.string() })),
    undetermined: z
      .array(z.strictObject({ id: z.string(), reason: z.string() }))
      .describe('records that omit what decides some figures, which are not compared'),
  }),
  records: z.array(
    z.strictObject({
      id: z.string(),
      supported: z.boolean(),
      reason: z.string().optional(),
      assumptions: z.array(z.string()).optional(),
      predicted: figures,
      reported: figures,
      endToEnd: figures.optional(),
      basis: z.enum(['measured', 'fitted', 'datasheet']).optional(),
      interval: z.record(z.string(), z.tuple([z.number(), z.number()])).optional(),
      undetermined: z.array(z.string()).optional(),
    }),
  ),
});
