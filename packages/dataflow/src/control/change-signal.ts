/** Wakes everything that waits for a change of state. */
export class ChangeSignal {
  #waiters: (() => void)[] = [];

  notify(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  /** Waits for the next change. Throws the signal's reason if it is aborted first. */
  next(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiters = this.#waiters.filter((waiter) => waiter !== wake);
        reject(signal?.reason);
      };
      const wake = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      this.#waiters.push(wake);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
