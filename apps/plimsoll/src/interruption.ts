/**
 * Handles Ctrl-C. During a generation, Ctrl-C aborts only the generation, so that the program frees its memory and
 * prints the measurements. At any other time, or a second time, Ctrl-C ends the program with exit code 130, which
 * shells use for an interrupted program.
 */

export const interruptedExitCode = 130;

export class Interruption {
  #running: AbortController | null = null;
  readonly #interrupt = (): void => this.interrupt();

  constructor() {
    process.on('SIGINT', this.#interrupt);
  }

  /** The action of the signal. A terminal in raw mode sends a key instead, whose handler calls this method. */
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
   * Runs synchronous work that blocks the thread. No handler could run meanwhile, so this method removes the handler,
   * and the signal ends the program at once.
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
