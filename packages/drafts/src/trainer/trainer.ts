/**
 * A training from its start, or from its latest checkpoint, to its last step. It owns the arena and everything that it opens, saves the
 * final checkpoint, and closes all of it, whatever happens.
 */
import {
  FeatureDataLoader,
  type FeatureStore,
  type LoadedBatch,
  RefList,
  type SampleRef,
} from '@plimsoll/dataflow';
import { type Clock, PlimsollError } from '@plimsoll/foundation';
import { CheckpointManager, createTrainingArena, TrainerCore, type TrainingArena } from '@plimsoll/training';
import {
  evaluate,
  type OptimizerSettings,
  type ResumeContract,
  type RunMetrics,
  SafeTrackers,
  type Tracker,
} from '@plimsoll/training/trainer';
import { fillFrozenWeights, fillTrainedWeights } from '../algorithms/initial-weights.ts';
import type { TrainableStrategy } from '../algorithms/strategy-spec.ts';
import type { TargetTables } from '../algorithms/target-tables.ts';
import { type Cadence, TrainerController } from './trainer-controller.ts';
import type { OpenFlow, RunStart } from './training-flow.ts';

export interface TrainerOptions {
  readonly strategy: TrainableStrategy;
  /** Null for a strategy without frozen weights. */
  readonly tables: TargetTables | null;
  readonly openFlow: OpenFlow;
  readonly heldOut: HeldOutSet | null;
  readonly optimizer: OptimizerSettings;
  readonly contract: ResumeContract;
  readonly checkpoints: { readonly folder: string; readonly kept: number };
  readonly cadence: Cadence;
  /** `new` refuses a folder with checkpoints; `resume` continues from the latest, or begins if there is none. */
  readonly begin: 'new' | 'resume';
  /** Fills the weights of a warm start before the first step; absent: the first weights come from the seed. */
  readonly fillWeights?: (arena: TrainingArena) => void;
  /** Gets the weights of a complete run, while the arena is still open. */
  readonly onTrained?: (arena: TrainingArena) => Promise<void>;
  /** Seed of the first weights. */
  readonly seed: number;
  readonly threads: number;
  readonly openTrackers: (start: RunStart) => Promise<readonly Tracker[]>;
  readonly onTrackerFailure: (error: unknown) => void;
  readonly clock: Clock;
}

/** Stored samples that are not trained. */
export interface HeldOutSet {
  readonly store: FeatureStore;
  readonly refs: readonly SampleRef[];
}

export interface FitReport {
  readonly step: number;
  readonly samples: number;
  /** False if the signal, or the end of the samples, came before the planned steps. */
  readonly isComplete: boolean;
  /** Metrics of the held-out set after the last step; null without one. */
  readonly heldOut: RunMetrics | null;
  /** Step of the best checkpoint; null without a held-out set. */
  readonly bestStep: number | null;
}

export class Trainer {
  readonly #options: TrainerOptions;

  constructor(options: TrainerOptions) {
    this.#options = options;
  }

  /**
   * Trains. The signal stops the run after its current step, with a checkpoint. Throws `run-exists`, `training-diverged`, errors of
   * checkpoints and of the flow; the run then resumes from its latest checkpoint.
   */
  async fit(signal?: AbortSignal): Promise<FitReport> {
    const { strategy, checkpoints: folder, contract, threads } = this.#options;
    const checkpoints = new CheckpointManager({ ...folder, contract });
    if (this.#options.begin === 'new') await refuseExisting(checkpoints, folder.folder);
    const arena = await createTrainingArena(strategy.plan, strategy.parameters, threads);
    try {
      const start = await this.#fillArena(arena, checkpoints);
      return await this.#train(arena, { checkpoints, start, signal });
    } finally {
      await arena.close();
    }
  }

  async #fillArena(arena: TrainingArena, checkpoints: CheckpointManager): Promise<RunStart> {
    const { strategy, tables, seed, begin, fillWeights } = this.#options;
    fillFrozenWeights(strategy, arena, tables);
    fillTrainedWeights(strategy, arena, seed);
    fillWeights?.(arena);
    const isResumed = begin === 'resume';
    const position = isResumed ? await checkpoints.load(arena) : null;
    return { isResumed, ...(position ?? { step: 0, samples: 0 }) };
  }

  async #train(arena: TrainingArena, { checkpoints, start, signal }: RunParts): Promise<FitReport> {
    const { strategy, optimizer, openFlow, openTrackers, onTrackerFailure, cadence, clock } = this.#options;
    const trackers = new SafeTrackers(await openTrackers(start), onTrackerFailure);
    const core = new TrainerCore<LoadedBatch>(arena, strategy, optimizer, start.step);
    const { totalSteps } = optimizer.schedule;
    try {
      const flow = await openFlow(start);
      try {
        const parts = { core, flow, checkpoints, trackers, clock, evaluate: this.#evaluation(arena) };
        const controller = new TrainerController(parts, { start, totalSteps, cadence });
        await controller.run(signal);
        await controller.finish();
        const { samples, heldOut } = controller;
        const isComplete = core.step >= totalSteps;
        if (isComplete) await this.#options.onTrained?.(arena);
        return { step: core.step, samples, isComplete, heldOut, bestStep: await checkpoints.best() };
      } finally {
        await flow.close();
      }
    } finally {
      await trackers.close();
    }
  }

  #evaluation(arena: TrainingArena): (() => Promise<RunMetrics | null>) | null {
    const { heldOut, strategy } = this.#options;
    if (heldOut === null) return null;
    const { store, refs } = heldOut;
    // One sample at a time: counts do not depend on the batch, and a held-out set of any size has whole windows.
    return () => {
      const loader = new FeatureDataLoader({
        store,
        source: new RefList(refs, 1),
        batchSize: 1,
        readsMax: 2,
      });
      return evaluate(arena, strategy, loader.batches());
    };
  }
}

interface RunParts {
  readonly checkpoints: CheckpointManager;
  readonly start: RunStart;
  readonly signal: AbortSignal | undefined;
}

async function refuseExisting(checkpoints: CheckpointManager, folder: string): Promise<void> {
  const last = (await checkpoints.steps()).at(-1);
  if (last === undefined) return;
  throw new PlimsollError({
    code: 'run-exists',
    message: `${folder} has the checkpoint of step ${last} of an earlier run`,
    value: last,
    limit: 'a folder without checkpoints',
    hint: 'resume that run, or name another folder',
  });
}
