/** `/v1/ledger`: every byte that the engine holds, the cache's blocks, and the resident size of the process. */
import type { Engine } from '@plimsoll/engine';
import { z } from 'zod';

const bytes = z.number().describe('bytes');
const count = z.int().nonnegative();

export const ledgerSchema = z
  .object({
    limitBytes: bytes.describe('Memory limit of the process (--memory).'),
    residentBytes: bytes,
    entries: z.array(
      z.object({ category: z.string(), tag: z.string(), tier: z.enum(['device', 'host']), bytes }),
    ),
    cache: z.array(
      z.object({ group: z.string(), blockTokens: count, free: count, cached: count, owned: count }),
    ),
    sequences: z.object({ waiting: count, running: count, paused: count }),
  })
  .meta({ id: 'Ledger' });

export function memoryView(engine: Engine, limitBytes: number): z.infer<typeof ledgerSchema> {
  const { waitingCount, runningCount, pausedCount } = engine.load;
  const blockTokens = engine.memory.adoptedPlan?.settings.blockTokens ?? 0;
  return {
    limitBytes,
    residentBytes: process.memoryUsage.rss(),
    entries: engine.ledger().entries.map(({ category, tag, tier, bytes: size }) => ({
      category,
      tag,
      tier,
      bytes: size,
    })),
    cache: engine.occupancy.map(({ name, free, cached, owned }) => ({
      group: name,
      blockTokens,
      free,
      cached,
      owned,
    })),
    sequences: { waiting: waitingCount, running: runningCount, paused: pausedCount },
  };
}
