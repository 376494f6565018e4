/** Removes features that a run has trained or dropped: from the store first, so that the ledger never forgets a file. */
import type { SampleRef } from '../contracts/sample-ref.ts';
import type { FeatureStore } from '../store/feature-store.ts';

/** `DataFlowController` is the ledger of online training. */
export interface FreeableSamples {
  freeable(): readonly SampleRef[];
  markFreed(sampleIds: readonly string[]): void;
}

export async function freeFeatures(run: FreeableSamples, store: FeatureStore): Promise<void> {
  const refs = run.freeable();
  if (refs.length === 0) return;
  for (const ref of refs) await store.abort(ref);
  run.markFreed(refs.map(({ sampleId }) => sampleId));
}
