/**
 * Judges whether the queue of an open process has a steady state. Every arrival tells the length of the queue that it
 * finds. After a start-up third, the arrivals are divided into blocks, and the growth of the queue in a block is one
 * observation. A queue without a steady state grows in every block by about the same number; a queue with one gives in
 * some blocks what it took in others, because its growths add up to the difference of two queues of usual length. A
 * one-sided t test tells them apart. Its power is the random walk's: at a load of 1.02 and service times that vary like
 * arrivals, it takes tens of thousands of requests.
 */
import { Samples } from './samples.ts';

/** Fewer arrivals say nothing. */
const arrivalsMin = 100;
const blockCount = 20;
/** Quantile of Student's t for 19 degrees of freedom, one-sided, at 1 %: a stable queue stays far below it. */
const tMin = 2.54;
/** A queue that is shorter than this share of the running requests delays them little, whatever its trend. */
const lengthPerRunning = 0.25;

export class Backlog {
  readonly #waiting = new Samples();
  #runningMost = 0;

  /** Adds an arrival with the requests that wait and run then. */
  add(waiting: number, running: number): void {
    this.#waiting.add(waiting);
    this.#runningMost = Math.max(this.#runningMost, running);
  }

  /** Returns the reason why the queue has no steady state; null if nothing points to that. */
  growth(): string | null {
    const { length } = this.#waiting;
    if (length < arrivalsMin) return null;
    const start = Math.floor(length / 3);
    const edges = Array.from({ length: blockCount + 1 }, (_, edge) =>
      this.#near(start + Math.floor((edge * (length - 1 - start)) / blockCount)),
    );
    const growths = edges.slice(1).map((queue, block) => queue - (edges[block] ?? 0));
    const [first = 0, last = 0] = [edges[0], edges[blockCount]];
    if (last < lengthPerRunning * this.#runningMost || last - first < 1) return null;
    if (tOf(growths) < tMin) return null;
    return `the queue grows with time: ${Math.round(first)} requests wait after a third of the arrivals, ${Math.round(last)} at the last`;
  }

  /** Mean of a few arrivals at this place: the queue swings within a step. */
  #near(place: number): number {
    const { length } = this.#waiting;
    const reach = Math.floor(length / (12 * blockCount));
    const [from, until] = [Math.max(0, place - reach), Math.min(length - 1, place + reach)];
    let sum = 0;
    for (let index = from; index <= until; index++) sum += this.#waiting.at(index);
    return sum / (until - from + 1);
  }
}

/** Student's t of the hypothesis that the mean is 0. */
function tOf(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = Math.sqrt(squares / (values.length - 1));
  return mean / Math.max(deviation / Math.sqrt(values.length), Number.MIN_VALUE);
}
