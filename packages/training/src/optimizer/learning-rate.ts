/** Learning rates over a run: linear warm-up, then a cosine to zero or a constant. */
import { PlimsollError } from '@plimsoll/foundation';

export interface LearningRateSchedule {
  readonly peak: number;
  readonly kind: 'cosine' | 'constant';
  readonly totalSteps: number;
  /** Share of the steps in which the rate rises. */
  readonly warmupRatio: number;
}

/** Throws `bad-learning-rate` for a schedule that no run can follow. */
export function checkSchedule({ peak, totalSteps, warmupRatio }: LearningRateSchedule): void {
  const refuse = (name: string, value: number, limit: string): never => {
    throw new PlimsollError({
      code: 'bad-learning-rate',
      message: `${name} is ${value}`,
      value,
      limit,
      hint: `set ${name} to a number ${limit}`,
    });
  };
  if (!(peak > 0 && Number.isFinite(peak))) refuse('learning_rate', peak, 'above 0');
  if (!(Number.isInteger(totalSteps) && totalSteps > 0))
    refuse('total_steps', totalSteps, 'that is a whole number above 0');
  if (!(warmupRatio >= 0 && warmupRatio < 1)) refuse('warmup_ratio', warmupRatio, 'from 0 to below 1');
}

/** The rate of optimizer step `step`, counted from 0. */
export function learningRateAt(schedule: LearningRateSchedule, step: number): number {
  const { peak, kind, totalSteps, warmupRatio } = schedule;
  const warmup = Math.floor(totalSteps * warmupRatio);
  if (step < warmup) return (peak * (step + 1)) / warmup;
  if (kind === 'constant') return peak;
  const progress = Math.min(1, (step - warmup) / Math.max(1, totalSteps - warmup));
  return 0.5 * peak * (1 + Math.cos(Math.PI * progress));
}
