/**
 * Ctrl-C while something is generated ends that and no more, so that its memory is freed and what was measured is shown.
 * At any other time, and when it is pressed again, the program leaves with 130, as shells report an interrupted program.
 */

export const interruptedExitCode = 130;

export class Interruption {
  #running: AbortController | null = null;
  readonly #interrupt = (): void => this.interrupt();

  constructor() {
    process.on('SIGINT', this.#interrupt);
  }

  /** What the signal does; a terminal in raw mode sends a key instead. */
  interrupt(): void {
    if (this.#running === null || this.#running.signal.aborted) process.exit(interruptedExitCode);
    this.#running.abort();
  }

  /** Runs work that Ctrl-C aborts. */
  async during<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    this.#running = new AbortController();
    try {
      return await work(this.#running.signal);
    } finally {
      this.#running = null;
    }
  }

  /**
   * Runs work that keeps the thread busy. No handler runs meanwhile, so the signal does what it does by itself: it ends the
   * program at once.
   */
  unguarded<Result>(work: () => Result): Result {
    process.off('SIGINT', this.#interrupt);
    try {
      return work();
    } finally {
      process.on('SIGINT', this.#interrupt);
    }
  }

  close(): void {
    process.off('SIGINT', this.#interrupt);
  }
}
