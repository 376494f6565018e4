/**
 * Limits the requests and the total time of reading from a server, whatever it answers: a server that sends a byte per
 * request, or an answer per minute, ends in an error and not in a program that seems to hang. All files of a model
 * share one budget.
 */
import { type Clock, PlimsollError } from '@plimsoll/foundation';

/** A header with a vocabulary takes a dozen requests, a model with a hundred parts takes a few hundred. */
const requestsMaxUsual = 2048;
/** Seconds for forty megabytes of header at 140 kB/s. */
const totalSecondsUsual = 300;

export interface HttpBudgetOptions {
  readonly requestsMax?: number | undefined;
  readonly totalSeconds?: number | undefined;
}

export class HttpBudget {
  readonly #clock: Clock;
  readonly #requestsMax: number;
  readonly #totalSeconds: number;
  readonly #startedAt: number;
  #requests = 0;

  constructor(clock: Clock, options: HttpBudgetOptions = {}) {
    this.#clock = clock;
    this.#requestsMax = options.requestsMax ?? requestsMaxUsual;
    this.#totalSeconds = options.totalSeconds ?? totalSecondsUsual;
    this.#startedAt = clock.now();
  }

  /**
   * Counts one request and returns the seconds that it may take. Throws `http-too-many-requests`, or `http-timeout` if
   * no time is left.
   */
  takeRequest(url: string): number {
    this.#requests++;
    if (this.#requests > this.#requestsMax) {
      throw new PlimsollError({
        code: 'http-too-many-requests',
        message: `${url} answers in pieces so small that ${this.#requestsMax} requests were not enough`,
        value: this.#requests,
        limit: this.#requestsMax,
        hint: 'download the file and read it locally',
      });
    }
    const seconds = this.#totalSeconds - (this.#clock.now() - this.#startedAt);
    if (seconds > 0) return seconds;
    throw this.tooSlow(url);
  }

  /** True if the total time is over. */
  get isSpent(): boolean {
    return this.#clock.now() - this.#startedAt >= this.#totalSeconds;
  }

  tooSlow(url: string, cause?: unknown): PlimsollError {
    return new PlimsollError(
      {
        code: 'http-timeout',
        message: `${url} was not read within ${this.#totalSeconds} s`,
        value: url,
        limit: this.#totalSeconds,
        hint: 'download the file and read it locally',
      },
      { cause },
    );
  }
}
