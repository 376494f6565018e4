/**
 * Training beside producers: the controller of the run delivers windows, its ledger keeps what is trained, and features are removed
 * when the run frees them. Producers of this process run until the plan is captured; others reach the same controller.
 */
import {
  type DataFlowController,
  FeatureDataLoader,
  type FeatureStore,
  freeFeatures,
} from '@plimsoll/dataflow';
import { producerFailure } from '../targets/rollout.ts';
import type { OpenFlow } from './training-flow.ts';

export interface OpenedRun {
  readonly run: DataFlowController;
  /** Closes the ledger. */
  close(): void | Promise<void>;
}

/** Opens controller and ledger, with the whole plan; null for a new run. */
export type OpenRun = (resume: { readonly checkpointStep: number } | null) => Promise<OpenedRun>;

export interface LiveFlowOptions {
  readonly openRun: OpenRun;
  readonly store: FeatureStore;
  readonly batchSize: number;
  readonly readsMax: number;
  /** Captures the plan in this process; null if all producers are elsewhere. */
  readonly produce: ((run: DataFlowController, signal: AbortSignal) => Promise<void>) | null;
}

export function liveFlow(options: LiveFlowOptions): OpenFlow {
  const { openRun, store, batchSize, readsMax, produce } = options;
  return async ({ isResumed, step }) => {
    const { run, close } = await openRun(isResumed ? { checkpointStep: step } : null);
    const loader = new FeatureDataLoader({ store, source: run, batchSize, readsMax });
    const ended = new AbortController();
    const production = produce?.(run, ended.signal).catch((error: unknown) => {
      // A failed producer must not look like the end of the plan.
      if (!ended.signal.aborted) run.failRun(producerFailure(error));
    });
    return {
      batches: () => loader.batches(),
      stop: () => loader.close(),
      acknowledge: (sampleIds, trainedStep) => run.acknowledge(sampleIds, trainedStep),
      freeFeatures: () => freeFeatures(run, store),
      checkpointSaved: (savedStep) => run.checkpointSaved(savedStep),
      close: async () => {
        loader.close();
        ended.abort(new Error('the training has ended'));
        await production;
        await close();
      },
    };
  };
}
