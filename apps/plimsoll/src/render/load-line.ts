/**
 * Shows the progress of a load: a line on a terminal's stderr, updated in place and removed when the model is ready.
 */
import { type Clock, formatBytes } from '@plimsoll/foundation';

const barColumns = 24;
/** Minimum time between updates: more updates cost time and show nothing new. */
const pauseSeconds = 0.05;

export class LoadLine {
  readonly #clock: Clock;
  #shownAt: number;
  #isShown = false;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#shownAt = clock.now();
  }

  show({ loadedBytes, totalBytes }: { readonly loadedBytes: number; readonly totalBytes: number }): void {
    if (process.stderr.isTTY !== true || this.#clock.now() - this.#shownAt < pauseSeconds) return;
    this.#shownAt = this.#clock.now();
    this.#isShown = true;
    const filled = Math.round((barColumns * loadedBytes) / Math.max(1, totalBytes));
    const bar = '█'.repeat(filled).padEnd(barColumns, '·');
    process.stderr.write(
      `\rloading ${bar} ${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}\u001b[K`,
    );
  }

  clear(): void {
    if (this.#isShown) process.stderr.write('\r\u001b[K');
    this.#isShown = false;
  }
}
