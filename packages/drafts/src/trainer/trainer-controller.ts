/**
 * The loop of a training. At each optimizer boundary, in this order:
 *
 *   step -> acknowledge (durable) -> record -> evaluate -> save a checkpoint -> free features
 *
 * An acknowledged step without a checkpoint is trained again after a crash. The other order would train its samples twice.
 */
import type { LoadedBatch } from '@plimsoll/dataflow';
import { assert, type Clock } from '@plimsoll/foundation';
import type { CheckpointManager, TrainerCore } from '@plimsoll/training';
import {
  addCounts,
  metricsOf,
  metricValues,
  noCounts,
  type RunCounts,
  type RunMetrics,
  type SafeTrackers,
  type StepOutcome,
} from '@plimsoll/training/trainer';
import type { RunStart, TrainingFlow } from './training-flow.ts';

/** Optimizer steps between two of each; 0 for never. */
export interface Cadence {
  readonly logEvery: number;
  readonly saveEvery: number;
  readonly evaluateEvery: number;
}

export interface ControllerParts {
  readonly core: TrainerCore<LoadedBatch>;
  readonly flow: TrainingFlow;
  readonly checkpoints: CheckpointManager;
  readonly trackers: SafeTrackers;
  /** Metrics of the held-out set; null without one. */
  readonly evaluate: (() => Promise<RunMetrics | null>) | null;
  readonly clock: Clock;
}

export interface ControllerSettings {
  readonly start: RunStart;
  readonly totalSteps: number;
  readonly cadence: Cadence;
}

/** What happened since the last record. */
interface Interval {
  readonly since: number;
  readonly counts: RunCounts;
  readonly samples: number;
  readonly tokens: number;
  readonly stepSeconds: number;
}

export class TrainerController {
  readonly #parts: ControllerParts;
  readonly #settings: ControllerSettings;
  #samples: number;
  #interval: Interval;
  #savedStep: number;
  #evaluated: { readonly step: number; readonly metrics: RunMetrics | null } | null = null;

  constructor(parts: ControllerParts, settings: ControllerSettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#samples = settings.start.samples;
    this.#savedStep = settings.start.isResumed ? settings.start.step : -1;
    this.#interval = this.#newInterval();
  }

  /** Samples that the completed steps have trained. */
  get samples(): number {
    return this.#samples;
  }

  /** Metrics of the last evaluation. */
  get heldOut(): RunMetrics | null {
    return this.#evaluated?.metrics ?? null;
  }

  /** Trains until the planned steps are done, the samples end, or the signal stops the run after its current step. */
  async run(signal?: AbortSignal): Promise<void> {
    const { core, flow } = this.#parts;
    const stop = (): void => flow.stop();
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
    let window: LoadedBatch[] = [];
    try {
      // After the last step the loop asks once more: the source then drops the samples that fill no window.
      for await (const batch of flow.batches()) {
        if (core.step >= this.#settings.totalSteps || signal?.aborted === true) break;
        window.push(batch);
        if (!batch.endsWindow) continue;
        await this.#trainWindow(window);
        window = [];
      }
    } finally {
      signal?.removeEventListener('abort', stop);
    }
    assert(window.length === 0, 'windows are trained whole');
  }

  /** Evaluates and saves the last step unless that is done, and frees what the checkpoint has settled. */
  async finish(): Promise<void> {
    const { step } = this.#parts.core;
    if (step === 0) return;
    await this.#record(step);
    const metrics = await this.#evaluateOnce(step);
    await this.#save(step, metrics);
    await this.#parts.flow.freeFeatures();
  }

  async #trainWindow(window: readonly LoadedBatch[]): Promise<void> {
    const { core, flow, clock } = this.#parts;
    const { cadence } = this.#settings;
    const before = clock.now();
    const outcome = core.trainStep(window);
    const refs = window.flatMap((batch) => batch.refs);
    flow.acknowledge(
      refs.map(({ sampleId }) => sampleId),
      outcome.step,
    );
    this.#samples += refs.length;
    this.#count(outcome, {
      samples: refs.length,
      tokens: refs.reduce((sum, { tokenCount }) => sum + tokenCount, 0),
      seconds: clock.now() - before,
    });
    if (isDue(outcome.step, cadence.logEvery)) await this.#record(outcome.step, outcome);
    const isEvaluated = isDue(outcome.step, cadence.evaluateEvery);
    const metrics = isEvaluated ? await this.#evaluateOnce(outcome.step) : null;
    if (isDue(outcome.step, cadence.saveEvery) || (await this.#isBest(metrics)))
      await this.#save(outcome.step, metrics);
    await flow.freeFeatures();
  }

  #count(outcome: StepOutcome, work: { samples: number; tokens: number; seconds: number }): void {
    const { counts, samples, tokens, stepSeconds, since } = this.#interval;
    this.#interval = {
      since,
      counts: addCounts(counts, outcome.counts),
      samples: samples + work.samples,
      tokens: tokens + work.tokens,
      stepSeconds: stepSeconds + work.seconds,
    };
  }

  /** Records the steps since the last record, if there are any. */
  async #record(step: number, outcome?: StepOutcome): Promise<void> {
    const { trackers, clock } = this.#parts;
    const { since, counts, samples, tokens, stepSeconds } = this.#interval;
    const metrics = metricsOf(counts);
    if (metrics === null) return;
    const seconds = Math.max(clock.now() - since, Number.EPSILON);
    await trackers.record({
      step,
      values: {
        ...metricValues('train', metrics),
        ...(outcome !== undefined && {
          'train/learning_rate': outcome.learningRate,
          'train/gradient_norm': outcome.gradientNorm,
        }),
        'perf/samples_per_second': samples / seconds,
        'perf/tokens_per_second': tokens / seconds,
        // The rest of the time, the trainer waits for samples, evaluates or saves.
        'perf/busy': Math.min(1, stepSeconds / seconds),
      },
    });
    this.#interval = this.#newInterval();
  }

  async #evaluateOnce(step: number): Promise<RunMetrics | null> {
    const { evaluate, trackers } = this.#parts;
    if (evaluate === null) return null;
    if (this.#evaluated?.step === step) return this.#evaluated.metrics;
    const metrics = await evaluate();
    this.#evaluated = { step, metrics };
    if (metrics !== null) await trackers.record({ step, values: metricValues('eval', metrics) });
    return metrics;
  }

  async #isBest(metrics: RunMetrics | null): Promise<boolean> {
    if (metrics === null) return false;
    const best = await this.#parts.checkpoints.bestMetric();
    return best === null || metrics.simulatedLength > best.value;
  }

  async #save(step: number, metrics: RunMetrics | null): Promise<void> {
    const { core, checkpoints, flow } = this.#parts;
    if (this.#savedStep !== step) {
      await checkpoints.save(core.arena, { step, samples: this.#samples });
      this.#savedStep = step;
    }
    if (metrics !== null && (await this.#isBest(metrics)))
      await checkpoints.markBest(step, { name: 'eval/simulated_length', value: metrics.simulatedLength });
    flow.checkpointSaved(step);
  }

  #newInterval(): Interval {
    return { since: this.#parts.clock.now(), counts: noCounts, samples: 0, tokens: 0, stepSeconds: 0 };
  }
}

function isDue(step: number, every: number): boolean {
  return every > 0 && step % every === 0;
}
