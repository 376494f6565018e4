/** Measures the steps of a benchmark, and compares their times with the planner's prediction. */
import type { Engine, StepReport } from '@plimsoll/engine';
import { defined } from '@plimsoll/foundation';

/** The steps of one kind and size in all measured runs. */
export interface StepGroup {
  /** `prefill` computes prompt tokens, `decode` one token and drafts of each sequence, `mixed` both. */
  readonly kind: 'prefill' | 'decode' | 'mixed';
  /** Number of tokens per step. */
  readonly tokens: number;
  /** Number of steps. */
  readonly steps: number;
  /** Both times are medians over the steps. */
  readonly measuredSeconds: number;
  readonly predictedSeconds: number;
}

interface TimedStep {
  readonly kind: StepGroup['kind'];
  readonly tokens: number;
  readonly measuredSeconds: number;
  readonly predictedSeconds: number;
}

/** Records the times of an engine's steps. */
export class StepTimes {
  readonly #predict: (report: StepReport) => number;
  #steps: TimedStep[] = [];

  constructor(engine: Engine, predict: (report: StepReport) => number) {
    this.#predict = predict;
    engine.onStep((report) => {
      if (report.outcome === 'committed' && report.tokenCount > 0) this.#steps.push(this.#timed(report));
    });
  }

  #timed(report: StepReport): TimedStep {
    const { plan, compute, sample } = report.seconds;
    const kinds = new Set(report.entries.map(({ kind }) => kind));
    return {
      kind: kinds.size > 1 ? 'mixed' : (report.entries[0]?.kind ?? 'decode'),
      tokens: report.tokenCount,
      measuredSeconds: plan + compute + sample,
      predictedSeconds: this.#predict(report),
    };
  }

  /** Returns and clears the steps since the last call, by kind and tokens, in order of first appearance. */
  take(): readonly StepGroup[] {
    const groups = new Map<string, TimedStep[]>();
    for (const step of this.#steps) {
      const key = `${step.kind} ${step.tokens}`;
      groups.set(key, [...(groups.get(key) ?? []), step]);
    }
    this.#steps = [];
    return [...groups.values()].map((steps) => {
      const { kind, tokens } = defined(steps[0], 'a group has a step');
      return {
        kind,
        tokens,
        steps: steps.length,
        measuredSeconds: median(steps.map((step) => step.measuredSeconds)),
        predictedSeconds: median(steps.map((step) => step.predictedSeconds)),
      };
    });
  }
}

/** Returns a function that predicts the seconds of a step, from the engine's plan and the speed of `generic-cpu`. */
export async function stepPredictor(engine: Engine): Promise<(report: StepReport) => number> {
  const { engineSpeed } = await import('@plimsoll/planner/engine-memory');
  const { resolveHardware } = await import('@plimsoll/registry');
  const { settings } = defined(engine.memory.adoptedPlan, 'a running engine has a plan');
  const speed = engineSpeed(engine.model.spec, settings, { hardware: resolveHardware('generic-cpu') });
  return ({ entries }) =>
    speed.stepSeconds(
      entries.map(({ kind, start, count, draftCount, samples }) => ({
        kind,
        start,
        count,
        sampledRows: samples ? 1 + draftCount : 0,
      })),
    );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}
