/** Where a trainer's windows come from, and who is told about the trained ones. */
import type { LoadedBatch } from '@plimsoll/dataflow';

/** Where a run begins: at its start, or after a checkpoint. */
export interface RunStart {
  readonly isResumed: boolean;
  /** Completed optimizer steps. */
  readonly step: number;
  /** Samples of the plan that these steps trained. */
  readonly samples: number;
}

export interface TrainingFlow {
  /** Batches of whole windows, in plan order. */
  batches(): AsyncIterable<LoadedBatch>;
  /** Ends `batches`, even while it waits for a producer. */
  stop(): void;
  /** Records durably, before it returns, that an optimizer step has used the samples. */
  acknowledge(sampleIds: readonly string[], step: number): void;
  /** Removes features that no step needs any more. */
  freeFeatures(): Promise<void>;
  /** A checkpoint holds all steps up to `step`. */
  checkpointSaved(step: number): void;
  close(): Promise<void>;
}

export type OpenFlow = (start: RunStart) => Promise<TrainingFlow>;
