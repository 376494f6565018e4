/** The data of an event of `/v1/events`. Times are seconds; `startedAt` counts from the start of the process. */
import { z } from 'zod';

const count = z.int().nonnegative();
const ids = z.array(z.int());

export const stepReportSchema = z
  .object({
    index: count,
    outcome: z.enum(['committed', 'abandoned']),
    entries: z.array(
      z.object({
        id: z.int(),
        kind: z.enum(['decode', 'prefill']),
        start: count,
        count,
        draftCount: count,
        samples: z.boolean(),
      }),
    ),
    tokenCount: count,
    admitted: ids,
    preempted: ids,
    expired: ids,
    finished: ids,
    transfers: z.object({ copyOnWrite: count, spilled: count, restored: count }),
    waitingCount: count,
    runningCount: count,
    pausedCount: count,
    occupancy: z.array(
      z.object({
        name: z.string(),
        free: count,
        cached: count,
        owned: count,
        pinned: count,
        hostOwned: count,
        evictions: count,
      }),
    ),
    startedAt: z.number(),
    seconds: z.object({ plan: z.number(), compute: z.number(), sample: z.number() }),
    predictedSeconds: z
      .number()
      .optional()
      .describe('Seconds of the step in the plan, at the speed of generic-cpu; with `state=true`.'),
    missed: count.describe('Reports before this one that a slow reader missed.'),
  })
  .meta({ id: 'StepReport' });
