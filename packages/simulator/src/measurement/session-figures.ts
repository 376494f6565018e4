/** Figures of whole sessions: conversations, tasks of an agent. */
import { Samples, type Statistics } from './samples.ts';

export interface SessionStatistics {
  /** Sessions whose last request was answered. */
  readonly completed: number;
  /** Requests of such a session. */
  readonly requestsMean: number;
  /** Seconds from the first arrival of a session to its last answer, pauses and tools included. */
  readonly duration: Statistics | null;
}

export class SessionFigures {
  readonly #durations = new Samples();
  #requests = 0;

  add(durationSeconds: number, requests: number): void {
    this.#durations.add(durationSeconds);
    this.#requests += requests;
  }

  statistics(): SessionStatistics {
    const { length: completed } = this.#durations;
    return {
      completed,
      requestsMean: completed === 0 ? 0 : this.#requests / completed,
      duration: this.#durations.statistics(),
    };
  }
}
