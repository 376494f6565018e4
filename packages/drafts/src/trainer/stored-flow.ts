/**
 * Training from stored features: a fixed list of refs, without producers and without a ledger. The checkpoint's number of samples
 * says where a resumed run continues, so that nothing needs an acknowledgement, and the features stay.
 */
import { FeatureDataLoader, type FeatureStore, RefList, type SampleRef } from '@plimsoll/dataflow';
import { defined } from '@plimsoll/foundation';
import type { StrategyRegistry } from '../algorithms/strategy-registry.ts';
import { shuffledOrder } from '../data/shuffled-order.ts';
import type { OpenFlow } from './training-flow.ts';

export interface StoredFlowOptions {
  readonly strategies: StrategyRegistry;
  /** Name of the algorithm that the samples must fit. */
  readonly strategy: string;
  readonly store: FeatureStore;
  /** In the order of the prompt plan, which is the order of the first epoch. */
  readonly refs: readonly SampleRef[];
  readonly epochs: number;
  readonly seed: number;
  readonly batchSize: number;
  readonly accumulation: number;
  readonly readsMax: number;
}

/** Optimizer steps of the list; samples after the last full window are dropped. */
export function storedSteps(
  options: Pick<StoredFlowOptions, 'refs' | 'epochs' | 'batchSize' | 'accumulation'>,
): number {
  const { refs, epochs, batchSize, accumulation } = options;
  return Math.floor((refs.length * epochs) / (batchSize * accumulation));
}

/** Throws what `checkSamples` throws, before anything is opened. */
export function storedFlow(options: StoredFlowOptions): OpenFlow {
  const { store, batchSize, accumulation, readsMax } = options;
  options.strategies.checkSamples(options.strategy, options.refs);
  return async ({ samples }) => {
    const source = new RefList(plannedRefs(options), batchSize * accumulation);
    source.seek(samples);
    const loader = new FeatureDataLoader({ store, source, batchSize, readsMax });
    return {
      batches: () => loader.batches(),
      stop: () => loader.close(),
      acknowledge: () => undefined,
      freeFeatures: async () => undefined,
      checkpointSaved: () => undefined,
      close: async () => loader.close(),
    };
  };
}

/** Every epoch after the first has an order of its own. */
function plannedRefs({ refs, epochs, seed }: StoredFlowOptions): readonly SampleRef[] {
  return Array.from({ length: epochs }, (_, epoch) =>
    epoch === 0
      ? refs
      : Array.from(shuffledOrder(refs.length, seed + epoch), (index) =>
          defined(refs[index], 'the order has the indices of the refs'),
        ),
  ).flat();
}
