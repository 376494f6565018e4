/**
 * One optimizer step: the microbatches of a window add their gradients, then one clip and one step of AdamW. The loss of a
 * position is divided by the positions of the whole window, so that a window of several batches equals one large batch.
 */
import { PlimsollError } from '@plimsoll/foundation';
import { type AdamWSettings, adamWStep, clipFactor, globalNorm } from '../optimizer/adamw.ts';
import { checkSchedule, type LearningRateSchedule, learningRateAt } from '../optimizer/learning-rate.ts';
import type { Recording } from '../tape/tape.ts';
import type { TrainingArena } from '../tape/training-arena.ts';
import { addCounts, noCounts, type RunCounts } from './run-counts.ts';

export interface RunProgress {
  readonly completedSteps: number;
  readonly totalSteps: number;
}

/** How an algorithm trains on batches of its kind. */
export interface DraftTrainStrategy<Batch> {
  /** Hears, before each window, how far the run is: weights of a loss may depend on it. */
  beginStep?(progress: RunProgress): void;
  /** Positions by which the loss of a batch is divided. Padding is none of them: it depends on the other samples. */
  positionsOf(batch: Batch): number;
  /** Fills the inputs of the recording that fits the batch, and returns it. `scale` is the factor of a position's loss. */
  prepare(arena: TrainingArena, batch: Batch, scale: number): Recording;
  /** The same for a run without gradients. */
  prepareEvaluation(arena: TrainingArena, batch: Batch): Recording;
  /** What the last run counted. */
  countsOfRun(): RunCounts;
}

export interface OptimizerSettings {
  readonly adamW: AdamWSettings;
  readonly schedule: LearningRateSchedule;
  readonly gradientNormMax: number;
}

export interface StepOutcome {
  /** Completed optimizer steps, this one included. */
  readonly step: number;
  readonly loss: number;
  /** Norm before the clip. */
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Sums over the window. */
  readonly counts: RunCounts;
}

export class TrainerCore<Batch> {
  readonly arena: TrainingArena;
  readonly #strategy: DraftTrainStrategy<Batch>;
  readonly #settings: OptimizerSettings;
  #step: number;

  /** `step` is the number of completed steps, above 0 after a resume. */
  constructor(
    arena: TrainingArena,
    strategy: DraftTrainStrategy<Batch>,
    settings: OptimizerSettings,
    step = 0,
  ) {
    checkSchedule(settings.schedule);
    this.arena = arena;
    this.#strategy = strategy;
    this.#settings = settings;
    this.#step = step;
  }

  get step(): number {
    return this.#step;
  }

  /** Trains on a window. Throws `training-diverged` before a loss or gradient that is not finite reaches a weight. */
  trainStep(window: readonly Batch[]): StepOutcome {
    const { arena } = this;
    const { adamW, schedule, gradientNormMax } = this.#settings;
    const gradients = arena.flat('gradients');
    gradients.fill(0);
    this.#strategy.beginStep?.({ completedSteps: this.#step, totalSteps: schedule.totalSteps });
    const positions = window.reduce((sum, batch) => sum + this.#strategy.positionsOf(batch), 0);
    let counts = noCounts;
    for (const batch of window) {
      arena.run(this.#strategy.prepare(arena, batch, 1 / positions));
      counts = addCounts(counts, this.#strategy.countsOfRun());
    }
    const loss = counts.loss / positions;
    const gradientNorm = globalNorm(gradients);
    if (!Number.isFinite(loss + gradientNorm)) throw diverged(this.#step, loss, gradientNorm);
    const learningRate = learningRateAt(schedule, this.#step);
    this.#step++;
    const gradientFactor = clipFactor(gradientNorm, gradientNormMax);
    const ranges = {
      ...{ parameters: arena.flat('parameters'), gradients },
      ...{ firstMoments: arena.flat('firstMoments'), secondMoments: arena.flat('secondMoments') },
    };
    adamWStep(ranges, adamW, { learningRate, step: this.#step, gradientFactor });
    return { step: this.#step, loss, gradientNorm, learningRate, counts };
  }
}

function diverged(step: number, loss: number, gradientNorm: number): PlimsollError {
  return new PlimsollError({
    code: 'training-diverged',
    message: `step ${step + 1} has a loss of ${loss} and a gradient norm of ${gradientNorm}`,
    value: Number.isFinite(loss) ? gradientNorm : loss,
    limit: 'finite numbers',
    hint: 'resume from the latest checkpoint with a lower learning_rate',
  });
}
