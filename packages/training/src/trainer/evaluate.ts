/** Metrics of a strategy on a held-out set: runs without gradients, counts over the whole set, ratios last. */
import type { TrainingArena } from '../tape/training-arena.ts';
import { addCounts, metricsOf, noCounts, type RunMetrics } from './run-counts.ts';
import type { DraftTrainStrategy } from './trainer-core.ts';

/** Leaves weights, gradients and moments as they are. Returns null for an empty set. */
export async function evaluate<Batch>(
  arena: TrainingArena,
  strategy: Pick<DraftTrainStrategy<Batch>, 'prepareEvaluation' | 'countsOfRun'>,
  batches: AsyncIterable<Batch>,
): Promise<RunMetrics | null> {
  let counts = noCounts;
  for await (const batch of batches) {
    arena.run(strategy.prepareEvaluation(arena, batch));
    counts = addCounts(counts, strategy.countsOfRun());
  }
  return metricsOf(counts);
}
