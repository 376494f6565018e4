/** One line on a terminal's stderr, rewritten in place while something takes time, and gone afterwards. */
import type { Clock } from '@plimsoll/foundation';
import { messageWidth, shorten } from './terminal.ts';

const barColumns = 24;
/** Rewriting more often costs more than it shows. */
const pauseSeconds = 0.05;

export class ProgressLine {
  readonly #clock: Clock;
  readonly #label: string;
  #nextAt: number;
  #isShown = false;

  /** Shows nothing in the first `waitSeconds`: a short wait needs no line. */
  constructor(clock: Clock, { label, waitSeconds = pauseSeconds }: { label: string; waitSeconds?: number }) {
    this.#clock = clock;
    this.#label = label;
    this.#nextAt = clock.now() + waitSeconds;
  }

  /** `share` from 0 to 1, and the same in words. */
  show(share: number, words: string): void {
    if (process.stderr.isTTY !== true || this.#clock.now() < this.#nextAt) return;
    this.#nextAt = this.#clock.now() + pauseSeconds;
    this.#isShown = true;
    const bar = '█'.repeat(Math.round(barColumns * share)).padEnd(barColumns, '·');
    // A line that wraps could not be rewritten.
    const line = shorten(`${this.#label} ${bar} ${words}`, messageWidth() - 1);
    process.stderr.write(`\r${line}\u001b[K`);
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\u001b[K');
    this.#isShown = false;
  }
}
