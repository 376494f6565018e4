/**
 * What reading from a server may cost altogether, however the server answers: one that gives a byte per request, or a
 * request per minute, ends in an error and not in a program that seems to hang. All files of a model share one budget.
 */
import { type Clock, PlimsollError } from '@plimsoll/foundation';

/** A header with a vocabulary takes a dozen requests, a model of a hundred parts a few hundred. */
const requestsMaxUsual = 2048;
/** Forty megabytes of header take this long at 140 kB/s. */
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

  /** Takes one request and says how many seconds it may take at most. */
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

  /** Whether the time is over. */
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
