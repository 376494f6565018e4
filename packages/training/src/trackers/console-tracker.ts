/** One line per record for people: progress, loss, accuracy by position, speed and the time that is left. */
import { type Clock, formatSeconds, seconds } from '@plimsoll/foundation';
import type { RunRecord, Tracker } from './tracker.ts';

export interface ConsoleTrackerOptions {
  readonly write: (line: string) => void;
  readonly clock: Clock;
  readonly totalSteps: number;
  /** Steps that an earlier process has completed. */
  readonly fromStep: number;
}

const barWidth = 20;

export class ConsoleTracker implements Tracker {
  readonly #options: ConsoleTrackerOptions;
  readonly #startSeconds: number;

  constructor(options: ConsoleTrackerOptions) {
    this.#options = options;
    this.#startSeconds = options.clock.now();
  }

  record({ step, values }: RunRecord): void {
    const { totalSteps, write } = this.#options;
    const prefix = 'eval/loss' in values ? 'eval' : 'train';
    const done = Math.min(barWidth, Math.floor((barWidth * step) / totalSteps));
    const bar = `[${'#'.repeat(done)}${'.'.repeat(barWidth - done)}]`;
    const parts = [
      `${bar} ${step}/${totalSteps}`,
      `${prefix === 'eval' ? 'held-out ' : ''}loss ${text(values[`${prefix}/loss`], 4)}`,
      `accuracy ${accuracies(values, prefix)}`,
      `simulated length ${text(values[`${prefix}/simulated_length`], 2)}`,
    ];
    const speed = values['perf/samples_per_second'];
    if (typeof speed === 'number') parts.push(`${text(speed, 1)} samples/s`);
    const left = this.#secondsLeft(step);
    if (prefix === 'train' && left !== null) parts.push(`${formatSeconds(seconds(left))} left`);
    write(parts.join(', '));
  }

  close(): void {
    // The writer belongs to the caller.
  }

  #secondsLeft(step: number): number | null {
    const { clock, totalSteps, fromStep } = this.#options;
    const steps = step - fromStep;
    return steps <= 0 ? null : ((clock.now() - this.#startSeconds) / steps) * (totalSteps - step);
  }
}

function accuracies(values: RunRecord['values'], prefix: string): string {
  const found: string[] = [];
  for (let index = 0; `${prefix}/accuracy/${index}` in values; index++)
    found.push(text(values[`${prefix}/accuracy/${index}`], 2));
  return found.join(' ');
}

function text(value: number | null | undefined, digits: number): string {
  return typeof value === 'number' ? value.toFixed(digits) : '-';
}
